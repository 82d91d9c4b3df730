// Runs the steps of scripts/ci.mjs, and counts what their tests count.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** More files than these do not fail by chance. */
const FEW_FILES = 3

/**
 * Runs commands one after the other, up to the first that fails, and passes on what they print, but
 * for the lines that count tests: `N passed, N failed` alone on its line is the very last, for all
 * of them. Returns whether all is well.
 *
 * A step may say `again`: when a few of its test files fail, they run once more, by themselves.
 * What passes then lets the change in, and is named: it still shows a fault, of the code or of the
 * test.
 *
 * @param {readonly { name: string, command: readonly string[], again?: boolean }[]} steps
 * @returns {Promise<boolean>}
 */
export async function runSteps(steps) {
  const sum = { passed: 0, failed: 0 }
  const unsure = []
  for (const { name, command, again } of steps) {
    const first = await runStep(name, command)
    const files = again && !first.isWell ? first.failedFiles : []
    const isAgain = files.length > 0 && files.length <= FEW_FILES
    const last = isAgain ? await runStep(`${name}, once more,`, [...command, ...files]) : first
    if (isAgain && last.isWell) unsure.push(...files)
    sum.passed += first.passed + (isAgain ? first.failed - last.failed : 0)
    // A step that fails without a test that does is one thing that failed.
    sum.failed += last.isWell ? last.failed : Math.max(1, last.failed)
    if (!last.isWell) break
  }
  for (const file of unsure) process.stdout.write(`ci: FAILED at first, and has to be mended: ${file}\n`)
  process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`)
  return sum.failed === 0
}

/** Runs one; the reporter of the tests tells which of their files failed. */
async function runStep(name, command) {
  const began = performance.now()
  const directory = await mkdtemp(join(tmpdir(), 'riastore-ci-'))
  try {
    const list = join(directory, 'failed-files.json')
    const { isWell, passed, failed } = await runCommand(command, { RIASTORE_FAILED_FILES: list })
    const failedFiles = JSON.parse(await readFile(list, 'utf8').catch(() => '[]'))
    const counted = passed + failed > 0 ? ` (${passed} passed and ${failed} failed)` : ''
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stdout.write(`ci: ${name} ${isWell ? 'is well' : 'FAILED'} after ${seconds} s${counted}\n`)
    return { isWell, passed, failed, failedFiles }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runCommand([program, ...words], environment) {
  const env = { ...process.env, CI: 'true', ...environment }
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env })
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
