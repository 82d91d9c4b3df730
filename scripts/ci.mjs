// What has to pass before a change goes in. Lint, types and the unit tests come first: they need
// node alone and answer within a minute. Then come the programs and the rest of the tests, with
// nothing skipped. The very last line is `N passed, N failed`, alone on its line, for all of it.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const count = { passed: 0, failed: 0 }

/** In this order; the first that fails ends the run. */
const STEPS = [
  { name: 'setup', command: ['node', 'scripts/setup.mjs', '--node-only'] },
  { name: 'lint', command: ['npx', 'biome', 'check', '.'] },
  { name: 'types', command: ['npx', 'tsc', '--noEmit'] },
  { name: 'unit', command: ['npx', 'vitest', 'run', '--project', 'unit'] },
  { name: 'programs', command: ['node', 'scripts/setup.mjs'] },
  { name: 'tests', command: ['npx', 'vitest', 'run', '--project', 'programs', '--project', 'e2e'] },
]

for (const step of STEPS) {
  const began = performance.now()
  const { isWell, counted } = await runStep(step)
  // A step that counts nothing is one thing that may fail.
  if (!isWell && counted.failed === 0) counted.failed = 1
  count.passed += counted.passed
  count.failed += counted.failed
  const tests = counted.passed + counted.failed > 1 ? ` (${counted.passed} passed and ${counted.failed} failed)` : ''
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`ci: ${step.name} ${isWell ? 'is well' : 'FAILED'} after ${seconds} s${tests}\n`)
  if (!isWell) break
}
process.exitCode = count.failed > 0 ? 1 : 0
process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`)

/** Runs a command and passes on what it prints, but for the line that counts its tests. */
async function runStep({ command: [program, ...words] }) {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, CI: 'true' } })
  const counted = { passed: 0, failed: 0 }
  const ended = new Promise((resolve) => {
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0))
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? []
    if (passed === undefined) process.stdout.write(`${line}\n`)
    else Object.assign(counted, { passed: Number(passed), failed: Number(failed) })
  }
  return { isWell: await ended, counted }
}
