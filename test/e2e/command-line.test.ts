import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/table/table.ts'
import { type ArchiveProgram, installArchiveProgram } from '../support/programs/archive-program.ts'
import { explain, run, runOk, start } from '../support/programs/run.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/** Commands as users know them. */
const NAMES = COMMANDS.filter(({ hidden }) => !hidden).map(({ name }) => name)

const RED = '\x1b[31m'

let workspace: Workspace
let riastore: ArchiveProgram
let store: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
  store = workspace.path('store')
  await mkdir(join(store, 'abc/def-1'), { recursive: true })
  await mkdir(join(store, 'alias'))
  await writeFile(join(store, 'ria-layout-version'), '1\n')
  await writeFile(join(store, 'abc/def-1/ria-layout-version'), '2\n')
  await symlink('../abc/def-1', join(store, 'alias/raw'))
  env = { ...riastore.env, TERM: 'xterm', NO_COLOR: undefined }
})
afterAll(() => workspace?.remove())

/** `script` gives the program a terminal of its own. */
const onTerminal = (line: string, input = '', more: NodeJS.ProcessEnv = {}) =>
  run('script', ['-qec', line, '/dev/null'], { env: { ...env, ...more }, input })

describe('completion', () => {
  const cases = [
    ['riastore una', 'unarchive'],
    ['riastore alias s', 'set'],
    ['riastore archive --li', '--list'],
    [`riastore show STORE a`, 'abcdef-1'],
  ] as const
  const words = (line: string) => line.replace('STORE', store)

  test.each(cases)('bash makes of "%s" %s', async (line, expected) => {
    const script = `source <(riastore completion bash); COMP_LINE="$1"; COMP_POINT=\${#1}; COMP_WORDS=($1)
      _riastore; printf '%s\\n' "\${COMPREPLY[@]}"`
    expect((await runOk('bash', ['--norc', '-c', script, 'bash', words(line)], { env })).stdout).toBe(`${expected}\n`)
  })

  test('bash, which takes a colon for the end of a word, completes what is behind one', async () => {
    const script = `source <(riastore completion bash); COMP_LINE="$1"; COMP_POINT=\${#1}; COMP_WORDS=($1)
      _riastore; printf '%s\\n' "\${COMPREPLY[@]}"`
    const line = `riastore show ria+file://${store} ~`
    expect((await runOk('bash', ['--norc', '-c', script, 'bash', line], { env })).stdout).toBe('~raw\n')
  })

  test.each(cases)('zsh makes of "%s" %s', async (line, expected) => {
    const script = `compdef() { : }; compadd() { shift 2; print -rl -- "$@" }; _files() { print files }
      source <(riastore completion zsh); words=(\${=1}); CURRENT=$#words; _riastore`
    expect((await runOk('zsh', ['-f', '-c', script, 'zsh', words(line)], { env })).stdout).toBe(`${expected}\n`)
  })

  test('zsh runs the script where it finds it as a file of its own', async () => {
    await writeFile(workspace.path('_riastore'), await riastore.ok(['completion', 'zsh']))
    const script = `compdef() { : }; compadd() { shift 2; print -rl -- "$@" }
      fpath=(${workspace.directory}); autoload -Uz _riastore; words=(riastore una); CURRENT=2; _riastore`
    expect((await runOk('zsh', ['-f', '-c', script], { env })).stdout).toBe('unarchive\n')
  })

  test.each(cases)('fish makes of "%s" %s', async (line, expected) => {
    const script = `riastore completion fish | source; complete -C '${words(line)}'`
    expect((await runOk('fish', ['--no-config', '-c', script], { env })).stdout).toBe(`${expected}\n`)
  })
})

describe('on a terminal', () => {
  test.each(variants([40], [80, 40]))('the help of every command keeps to %i columns', async (columns) => {
    const all = NAMES.map((name) => `riastore help ${name}`).join(' && ')
    const { status, stdout } = await onTerminal(`stty cols ${columns}; ${all}`)
    expect(status).toBe(0)
    const lines = stdout.split('\r\n').filter((line) => !/^ {2}(riastore| *-)/.test(line))
    expect(lines.length).toBeGreaterThan(20 * NAMES.length)
    // A word that is wider than the terminal has a line of its own.
    expect(lines.filter((line) => line.length > columns && line.trim().includes(' '))).toEqual([])
  })

  test('what is wrong is red, and with NO_COLOR it is not', async () => {
    expect((await onTerminal('riastore archvie')).stdout).toContain(`${RED}riastore: there is no command "archvie"`)
    expect((await onTerminal('riastore archvie', '', { NO_COLOR: '1' })).stdout).not.toContain('\x1b')
    expect((await onTerminal('riastore archvie', '', { TERM: 'dumb' })).stdout).not.toContain('\x1b')
    expect((await riastore.run(['archvie'], { env })).stderr).not.toContain('\x1b')
  })

  test('Ctrl-C at a question ends with 130, and nothing is changed', async () => {
    const line = `riastore alias rm '${store}' raw`
    const running = start('script', ['-qefc', line, '/dev/null'], { env, stdin: 'open' })
    await running.says('[y/N]')
    running.child.stdin?.write('\x03')
    const result = await running.done
    running.child.stdin?.end()
    expect(result.status, explain(result)).toBe(130)
    expect((await riastore.ok(['alias', 'ls', store])).trim()).toBe('~raw abcdef-1')
  })
})

test('a reader that goes away ends it without a word', async () => {
  const many = workspace.path('many')
  await mkdir(join(many, 'alias'), { recursive: true })
  await writeFile(join(many, 'ria-layout-version'), '1\n')
  // More than a pipe holds.
  for (let i = 0; i < 350; i++) await symlink('../abc/def', join(many, 'alias', `${i}-${'x'.repeat(230)}`))
  const script = `riastore alias ls '${many}' | head -n 1`
  const result = await runOk('sh', ['-c', script], { env })
  expect([result.stdout.split('\n').length, result.stderr]).toEqual([2, ''])
})

test('a reader of help that goes away is no error of any command', async () => {
  const all = NAMES.map((name) => `riastore ${name} --help | head -n 1`).join('; ')
  const { stdout, stderr } = await runOk('bash', ['-c', `set -o pipefail; ${all}`], { env })
  expect([stdout.trim().split('\n').length, stderr]).toEqual([NAMES.length, ''])
})

test('mandoc and man find nothing wrong with the manual', async () => {
  const directory = workspace.path('manual')
  const pages = (await riastore.ok(['write-manual', directory, '--date', '2026-11-28'])).trim().split('\n')
  expect(pages).toContain('riastore-site-add.1')
  expect(pages.length).toBeGreaterThan(20)
  const files = pages.map((page) => join(directory, page))
  expect((await runOk('mandoc', ['-Tlint', '-Wwarning', ...files])).stdout).toBe('')
  const shown = await runOk('man', ['--warnings', '-l', join(directory, 'riastore-archive.1')], {
    env: { ...env, LC_ALL: 'C.UTF-8', MANPAGER: 'cat' },
  })
  expect(shown.stderr).toBe('')
  expect(shown.stdout).toContain('riastore archive [options] STORE')
})
