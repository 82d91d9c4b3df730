// Runs the steps of scripts/ci.mjs, and counts what their tests count.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * Runs commands one after the other, up to the first that fails, and passes on what they print, but
 * for the lines that count tests: `N passed, N failed` alone on its line is the very last, for all
 * of them. Returns whether all is well.
 *
 * @param {readonly { name: string, command: readonly string[] }[]} steps
 * @returns {Promise<boolean>}
 */
export async function runSteps(steps) {
  const sum = { passed: 0, failed: 0 }
  for (const { name, command } of steps) {
    const began = performance.now()
    const { isWell, passed, failed } = await runStep(command)
    sum.passed += passed
    // A step that fails without a test that does is one thing that failed.
    sum.failed += isWell ? failed : Math.max(1, failed)
    const counted = passed + failed > 0 ? ` (${passed} passed and ${failed} failed)` : ''
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stdout.write(`ci: ${name} ${isWell ? 'is well' : 'FAILED'} after ${seconds} s${counted}\n`)
    if (!isWell) break
  }
  process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`)
  return sum.failed === 0
}

async function runStep([program, ...words]) {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, CI: 'true' } })
  const ended = new Promise((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`ci: ${program}: ${error.message}\n`)
      resolve(false)
    })
    child.on('close', (code) => resolve(code === 0))
  })
  const count = { passed: 0, failed: 0 }
  for await (const line of createInterface({ input: child.stdout })) {
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? []
    if (passed === undefined) process.stdout.write(`${line}\n`)
    else Object.assign(count, { passed: Number(passed), failed: Number(failed) })
  }
  const isWell = (await ended) && count.failed === 0
  return { isWell, ...count }
}
