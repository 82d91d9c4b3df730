import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { run } from '../support/programs/run.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace

beforeAll(async () => {
  workspace = await makeWorkspace()
})
afterAll(() => workspace?.remove())

/** Runs vitest, with our reporter, on a file of tests of its own. */
async function runTests(name: string, tests: string, CI: string) {
  const directory = workspace.path(name)
  await mkdir(directory)
  const reporter = join(projectDirectory, 'scripts/vitest-summary.mjs')
  const config = { test: { globals: true, reporters: ['default', reporter] } }
  await writeFile(join(directory, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`)
  await writeFile(join(directory, 'some.test.mjs'), tests)
  const vitest = join(projectDirectory, 'node_modules/vitest/vitest.mjs')
  const list = join(directory, 'failed-files.json')
  const env = { ...workspace.stockEnv, CI, RIASTORE_FAILED_FILES: list }
  const result = await run(process.execPath, [vitest, 'run'], { cwd: directory, env })
  const failedFiles: string[] = JSON.parse(await readFile(list, 'utf8'))
  return { status: result.status, lastLine: result.stdout.trimEnd().split('\n').at(-1), failedFiles }
}

const passing = "test('a', () => {})\ntest('b', () => {})\n"
const skipped = "test.skip('c', () => {})\ntest.todo('d')\n"

test.each([
  ['passing tests', passing, 'true', 0, '2 passed, 0 failed', []],
  ['a failing test', `${passing}test('c', () => expect(1).toBe(2))\n`, '', 1, '2 passed, 1 failed', ['some.test.mjs']],
  ['skipped tests', passing + skipped, '', 0, '2 passed, 0 failed', []],
  ['skipped tests in CI', passing + skipped, 'true', 1, '2 passed, 2 failed', []],
  ['a test file that cannot be read', 'const', '', 1, '0 passed, 1 failed', ['some.test.mjs']],
  [
    'an error outside of the tests',
    `${passing}setTimeout(() => { throw new Error() })\ntest('c', () => new Promise((done) => setTimeout(done, 50)))\n`,
    '',
    1,
    '3 passed, 1 failed',
    [],
  ],
  ['no tests', '', 'true', 1, '0 passed, 1 failed', ['some.test.mjs']],
])(
  'the last line of a run of %s counts them, the status says whether all is well, and what failed is listed',
  async (name, tests, ci, status, lastLine, failedFiles) => {
    expect(await runTests(name.replaceAll(' ', '-'), tests, ci)).toEqual({ status, lastLine, failedFiles })
  },
)
