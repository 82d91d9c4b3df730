import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { run } from '../support/programs/run.ts'

/**
 * Runs steps that each run some JavaScript; gives what was printed, line by line, without the
 * seconds.
 */
async function runSteps(...scripts: string[]) {
  const steps = scripts.map((script, i) => ({ name: `step ${i + 1}`, command: [process.execPath, '-e', script] }))
  const module = pathToFileURL(join(projectDirectory, 'scripts/ci-steps.mjs')).href
  const script = `import('${module}').then(({ runSteps }) => runSteps(${JSON.stringify(steps)}))`
  const { stdout } = await run(process.execPath, ['-e', script])
  return stdout
    .replace(/after [\d.]+ s/g, 'after a while')
    .trim()
    .split('\n')
}

const counts = (passed: number, failed: number) =>
  `console.log('a test\\n${passed} passed, ${failed} failed'); process.exitCode = ${failed > 0 ? 1 : 0}`

test('the last line counts the tests of all steps, and no other line looks like it', async () => {
  expect(await runSteps(counts(3, 0), '', counts(4, 0))).toEqual([
    'a test',
    'ci: step 1 is well after a while (3 passed and 0 failed)',
    'ci: step 2 is well after a while',
    'a test',
    'ci: step 3 is well after a while (4 passed and 0 failed)',
    '7 passed, 0 failed',
  ])
})

test('the first step that fails is the last, with or without tests of its own', async () => {
  expect((await runSteps(counts(3, 2), counts(1, 0))).at(-1)).toBe('3 passed, 2 failed')
  expect((await runSteps(counts(3, 0), 'process.exit(1)', counts(1, 0))).at(-1)).toBe('3 passed, 1 failed')
  expect((await runSteps(counts(3, 0), 'process.kill(process.pid)')).at(-1)).toBe('3 passed, 1 failed')
})
