import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { run } from '../support/programs/run.ts'

/**
 * Runs steps that each run some JavaScript; gives what was printed, line by line, without the
 * seconds.
 */
async function runSteps(...scripts: string[]) {
  return printedBy(scripts.map((script, i) => ({ name: `step ${i + 1}`, command: [process.execPath, '-e', script] })))
}

async function printedBy(steps: readonly object[]) {
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

describe('test files that fail in a step that may run them again', () => {
  /** The first run fails in these files; when it is given files, so many of their tests fail. */
  const script = (files: string[], failed: number) => `
    const again = process.argv.slice(1)
    require('fs').writeFileSync(process.env.RIASTORE_FAILED_FILES, '${JSON.stringify(files)}')
    if (again.length > 0) console.log('again: ' + again)
    const failed = again.length > 0 ? ${failed} : 2
    console.log((again.length > 0 ? 5 - failed : 8) + ' passed, ' + failed + ' failed')
    process.exitCode = failed > 0 ? 1 : 0`
  const runTwice = (files: string[], failed: number) =>
    printedBy([{ name: 'tests', command: [process.execPath, '-e', script(files, failed)], again: true }])

  test('run once more by themselves, and are named when they pass then', async () => {
    expect(await runTwice(['a.test.ts', 'b.test.ts'], 0)).toEqual([
      'ci: tests FAILED after a while (8 passed and 2 failed)',
      'again: a.test.ts,b.test.ts',
      'ci: tests, once more, is well after a while (5 passed and 0 failed)',
      'ci: FAILED at first, and has to be mended: a.test.ts',
      'ci: FAILED at first, and has to be mended: b.test.ts',
      '10 passed, 0 failed',
    ])
  })

  test('have failed when they fail again', async () => {
    expect((await runTwice(['a.test.ts'], 1)).at(-1)).toBe('9 passed, 1 failed')
  })

  test('have failed at once when they are many, or when something else is wrong', async () => {
    expect((await runTwice(['a', 'b', 'c', 'd'], 0)).at(-1)).toBe('8 passed, 2 failed')
    expect((await runTwice([], 0)).at(-1)).toBe('8 passed, 2 failed')
  })
})
