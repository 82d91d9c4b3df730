import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GitConfig, parseGitConfig, readGitConfig, rewriteUrl, toBoolean } from '../../../src/core/git-config.ts'
import { run } from '../../../src/core/process/run.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-git-'))
  await run('git', ['init', '-q', directory])
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('a git configuration', () => {
  test('has its keys as git prints them, the last value counting', async () => {
    const text = '[Remote "My.Name"]\n\tORA-URL = first\n\tora-url = second\n[core]\n\tbare\n'
    const config = await parseGitConfig(Buffer.from(text), 'x')
    expect(config.get('remote.My.Name.ora-url')).toBe('second')
    expect(config.all('remote.My.Name.ora-url')).toEqual(['first', 'second'])
    expect(config.get('core.bare')).toBe('true')
    expect(config.get('core.other')).toBeUndefined()
    expect([...config.keys()]).toEqual(['remote.My.Name.ora-url', 'core.bare'])
  })

  test('keeps line breaks and bytes that are no UTF-8 in its values', async () => {
    const text = Buffer.from('[a]\n\tb = "one\\ntwo"\n\tc = \xff\n', 'latin1')
    const config = await parseGitConfig(text, 'x')
    expect(config.get('a.b')).toBe('one\ntwo')
    expect(config.get('a.c')).toBe('\udcff')
  })

  test('of a store includes nothing of this machine', async () => {
    const included = join(directory, 'included')
    await writeFile(included, '[core]\n\tsharedRepository = all\n')
    const config = await parseGitConfig(Buffer.from(`[include]\n\tpath = ${included}\n`), 'x')
    expect(config.get('core.sharedrepository')).toBeUndefined()
  })

  test('that is none is refused with what git says of it', async () => {
    await expect(parseGitConfig(Buffer.from('<html>'), 'the place')).rejects.toMatchObject({
      kind: 'unsupported',
      where: 'the place',
      message: expect.stringContaining('bad config'),
    })
  })

  test('of a repository is read from the repository', async () => {
    await run('git', ['-C', directory, 'config', 'remote.store.ora-url', 'ria+file:///x'])
    expect((await readGitConfig(join(directory, '.git'))).get('remote.store.ora-url')).toBe('ria+file:///x')
  })

  test('of a repository that git cannot read is an error', async () => {
    await writeFile(join(directory, 'config'), '[broken')
    await expect(readGitConfig(directory)).rejects.toMatchObject({ kind: 'unsupported', where: directory })
  })
})

describe('the rewriting of URLs by insteadOf', () => {
  type Rule = readonly [base: string, prefix: string]

  async function whatGitDoes(rules: readonly Rule[], url: string): Promise<string> {
    const lines = rules.map(([base, prefix]) => `[url "${base}"]\n\tinsteadOf = "${prefix}"\n`)
    const file = join(directory, 'rules')
    await writeFile(file, lines.join(''))
    const env = [
      '-i',
      `PATH=${process.env.PATH}`,
      `GIT_CONFIG_GLOBAL=${file}`,
      'GIT_CONFIG_NOSYSTEM=1',
      'HOME=/nowhere',
    ]
    const { stdout } = await run('env', [...env, 'git', 'ls-remote', '--get-url', url], { cwd: '/' })
    return stdout.toString().replace(/\n$/, '')
  }

  async function whatWeDo(rules: readonly Rule[], url: string): Promise<string> {
    const entries = rules.map(([base, prefix]) => [`url.${base}.insteadof`, prefix] as const)
    return rewriteUrl(new GitConfig(entries), url)
  }

  test.each<[string, readonly Rule[], string]>([
    ['no rule', [], 'ria+ssh://host/a'],
    ['an alias for a store', [['ria+ssh://host/store', 'ria+ssh://store']], 'ria+ssh://store/x'],
    ['a rule for something else', [['ria+ssh://host/', 'ria+ssh://store']], 'ria+file:///x'],
    [
      'two rules that match',
      [
        ['ria+a:', 'ria+ssh://'],
        ['ria+b:', 'ria+ssh://host'],
      ],
      'ria+ssh://host/x',
    ],
    [
      'two rules that match, the long one first',
      [
        ['ria+b:', 'ria+ssh://host'],
        ['ria+a:', 'ria+ssh://'],
      ],
      'ria+ssh://host/x',
    ],
    [
      'two bases for one prefix',
      [
        ['ria+a:', 'ria+'],
        ['ria+b:', 'ria+'],
      ],
      'ria+x',
    ],
    [
      'a base with two prefixes',
      [
        ['B:', 'ab'],
        ['C:', 'abc'],
        ['B:', 'abc'],
      ],
      'abcd',
    ],
    [
      'a result that a rule matches again',
      [
        ['ria+two:', 'ria+one:'],
        ['ria+three:', 'ria+two:'],
      ],
      'ria+one:x',
    ],
    ['an empty prefix', [['ria+', '']], 'ssh://host'],
    ['a base with dots and capitals', [['ria+ssh://Host.Example.ORG/', 'store:']], 'store:x'],
    ['the whole URL', [['ria+file:///data', 'mystore']], 'mystore'],
  ])('does with %s what git does', async (_what, rules, url) => {
    expect(await whatWeDo(rules, url)).toBe(await whatGitDoes(rules, url))
  })

  test('does what git does, whatever the rules', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, name), { maxLength: 4 }), name, async (rules, url) => {
        expect(await whatWeDo(rules, url)).toBe(await whatGitDoes(rules, url))
      }),
      { numRuns: 40 },
    )
  })
})

test.each<[string, boolean | undefined]>([
  ['true', true],
  ['Yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['NO', false],
  ['off', false],
  ['0', false],
  ['', false],
  ['maybe', undefined],
  ['truely', undefined],
])('the value %j is the boolean %j', (value, boolean) => {
  expect(toBoolean(value)).toBe(boolean)
})
