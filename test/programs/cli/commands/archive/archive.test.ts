import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Interrupted } from '../../../../../src/cli/terminal.ts'
import { objectsOf, riastore } from '../../../../support/programs/console-double.ts'
import { contents, type DatasetOnDisk, datasetOnDisk } from '../../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, ID } from '../../../../support/stores/memory-dataset.ts'

let dataset: DatasetOnDisk
let keys: string[]

beforeEach(async () => {
  dataset = await datasetOnDisk()
  keys = []
  for (const content of contents(3)) keys.push(await dataset.addKey(content))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await dataset.remove()
})

async function alias(name: string): Promise<void> {
  await mkdir(join(dataset.root, 'alias'), { recursive: true })
  await symlink(`../${DIRECTORY}`, join(dataset.root, 'alias', name))
}

describe('riastore archive', () => {
  test('packs the keys of a dataset and says what they took up before and after', async () => {
    const ran = await riastore(['archive', dataset.root, ID])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(new RegExp(`${ID} +before +after`))
    expect(ran.stdout).toMatch(/loose keys +3 +0\n/)
    expect(ran.stdout).toMatch(/archived keys +0 +3\n/)
    expect(ran.stdout).toMatch(/inodes +\d+ +1\n/)
    expect(ran.stdout).toContain('packed 3 keys')
    expect(await dataset.members()).toHaveLength(3)
  })

  test.each([
    ['a directory and an id', () => [dataset.root, ID]],
    ['a URL and an id', () => [`ria+file://${dataset.root}`, ID]],
    ['a URL with the id in it', () => [`ria+file://${dataset.root}#${ID}`]],
    ['an alias', () => [dataset.root, '~raw']],
    ['a URL with the alias in it', () => [`ria+file://${dataset.root}#~raw`]],
    ['--all', () => [dataset.root, '--all']],
    ['a URL that git rewrites', () => ['ria+ssh://somewhere/store', ID]],
  ])('takes %s', async (_what, words) => {
    await alias('raw')
    const config = join(dataset.root, 'gitconfig')
    await writeFile(config, `[url "ria+file://${dataset.root}"]\n\tinsteadOf = ria+ssh://somewhere/store\n`)
    vi.stubEnv('GIT_CONFIG_GLOBAL', config)
    const ran = await riastore(['archive', ...words(), '--json'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(objectsOf(ran, 'dataset')[0]).toMatchObject({ packed: { keys: 3 }, by: 'disk', problems: [] })
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('goes on with the next dataset when one fails, and ends with 1', async () => {
    const ran = await riastore(['archive', dataset.root, 'not-a-dataset', '~nobody', '~../x', ID])
    expect(ran.code).toBe(1)
    expect(ran.stderr.split('\n')).toEqual([
      expect.stringMatching(/^riastore: not-a-dataset: .*not in the store/),
      expect.stringMatching(/^riastore: ~nobody: .*not in the store/),
      expect.stringMatching(/^riastore: ~\.\.\/x: .*is no alias/),
      '',
    ])
    expect(await dataset.members()).toHaveLength(3)
  })

  test('tells of damaged keys in a line each, and ends with 3', async () => {
    const file = dataset.looseFile(keys[0] ?? '')
    await writeFile(file, (await readFile(file)).reverse())
    const ran = await riastore(['archive', dataset.root, ID])
    expect(ran.code).toBe(3)
    expect(ran.stderr).toMatch(/^riastore: .*checksum; it stays loose\n$/)
    expect(ran.stdout).toContain('left loose: 1 damaged')
  })

  test('says who holds the lock', async () => {
    await writeFile(dataset.file('archives/lock'), '{"host":"elsewhere","pid":7,"token":"x","started":"2026-01-01"}')
    const ran = await riastore(['archive', dataset.root, ID])
    expect(ran.code).toBe(5)
    expect(ran.stderr).toMatch(/^riastore: .* elsewhere \(process 7\) since 2026-01-01.*--break-lock.*\n$/)
    expect((await riastore(['archive', dataset.root, ID, '--break-lock'])).code).toBe(0)
  })

  test('asks on a terminal, and only there', async () => {
    const no = await riastore(['archive', dataset.root, ID], { answer: false })
    expect([no.code, no.asked.length, (await dataset.members()).length]).toEqual([1, 1, 0])
    const dry = await riastore(['archive', dataset.root, ID, '-n'], { answer: false })
    expect([dry.code, dry.asked.length]).toEqual([0, 0])
    const yes = await riastore(['archive', dataset.root, ID], { answer: true })
    expect([yes.code, yes.asked.length, (await dataset.members()).length]).toEqual([0, 1, 3])
    const sure = await riastore(['unarchive', dataset.root, ID, '--yes'], { answer: false })
    expect([sure.code, sure.asked.length, (await dataset.members()).length]).toEqual([0, 0, 0])
  })

  test('ends with the code of the signal that interrupted it, without the lock', async () => {
    const stop = new AbortController()
    stop.abort(new Interrupted('SIGTERM'))
    const ran = await riastore(['archive', dataset.root, ID], { signal: stop.signal })
    expect(ran).toMatchObject({ code: 143, stderr: '', stdout: '' })
    expect(await dataset.archives()).toEqual([])
  })

  test('--list names what is in the archive', async () => {
    await riastore(['archive', dataset.root, ID])
    const text = await riastore(['archive', '--list', dataset.root, ID])
    for (const key of keys) expect(text.stdout).toMatch(new RegExp(`^ +\\d+ {2}${key}$`, 'm'))
    const json = await riastore(['archive', '--list', '--json', dataset.root, ID])
    const lines = objectsOf(json, 'key')
    expect(lines.map(({ key }) => key).sort()).toEqual([...keys].sort())
    expect(lines[0]).toMatchObject({ dataset: ID, dropped: false })
  })

  test('--verify ends with 3 when a member is bad, and says which', async () => {
    expect((await riastore(['archive', '--verify', dataset.root, ID])).stdout).toBe(`${ID}: no archive\n`)
    await riastore(['archive', dataset.root, ID])
    const good = await riastore(['archive', '--verify', dataset.root, ID])
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('3 members') })
    const archive = dataset.file('archives/archive.7z')
    const bytes = await readFile(archive)
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
    await writeFile(archive, bytes)
    const bad = await riastore(['archive', '--verify', '--json', dataset.root, ID])
    expect(bad.code).toBe(3)
    expect(objectsOf(bad, 'dataset')[0]).toMatchObject({
      members: 3,
      bad: [{ name: expect.stringContaining('MD5E-') }],
    })
    expect(bad.stderr).toMatch(/^riastore: .*\n$/)
  })
})

describe('riastore unarchive', () => {
  test('makes the keys loose again', async () => {
    await riastore(['archive', dataset.root, ID])
    const ran = await riastore(['unarchive', dataset.root, ID])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toContain('unpacked 3 keys')
    for (const key of keys) expect(dataset.isLoose(key)).toBe(true)
    expect((await riastore(['unarchive', dataset.root, ID])).stdout).toBe(`${ID}: no archive\n`)
  })
})

describe('wrong usage is told in one line', () => {
  test.each([
    [[], 'which command'],
    [['frobnicate'], 'there is no command "frobnicate"'],
    [['archive'], 'which store'],
    [['archive', '--frob', '/store', 'id'], 'there is no option --frob'],
    [['archive', '/store'], 'which dataset'],
    [['archive', '/store', 'some-id', '--all'], '--all and datasets'],
    [['archive', '/store', 'some-id', '--level', '10'], '--level "10"'],
    [['archive', '/store', 'some-id', '--older-than', '3'], '--older-than "3"'],
    [['archive', '/store', 'some-id', '--max-size', 'x'], '--max-size "x"'],
    [['archive', '/store', 'some-id', '--min-keys', '-1'], '--min-keys wants a value'],
    [['archive', '/store', '--list', '--verify', '--all'], 'do not go together'],
    [['archive', '/store', '--list', '--dry-run', '--all'], 'do not go together'],
    [['archive', 'https://host/store', '--all'], 'ria+https://host/store'],
    [['archive', 'ria+gopher://host/store', '--all'], 'ria+gopher'],
    [['archive', '/nowhere/at/all', '--all'], 'no RIA store', 4],
    [['unarchive', '/nowhere/at/all', 'some-id'], 'no RIA store', 4],
  ])('%j', async (words, said, code = 2) => {
    const ran = await riastore(words)
    expect(ran.code).toBe(code)
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toMatch(/^riastore: [^\n]*\n$/)
    expect(ran.stderr).toContain(said)
  })

  test('a password in a URL is not shown', async () => {
    const ran = await riastore(['archive', 'ria+ssh://me:secret@host/store', '--all'])
    expect(ran.code).toBe(2)
    expect(ran.stderr).not.toContain('secret')
    const ask = await riastore(['archive', 'ria+https://me:secret@localhost:1/store', '--all'], { answer: false })
    expect(ask.asked).toHaveLength(1)
    expect(ask.stderr + ask.asked.join('')).not.toContain('secret')
  })
})

test('--help and --version answer and end with 0', async () => {
  const help = await riastore(['--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toMatch(/^ {2}archive .*\n {2}unarchive /m)
  for (const command of ['archive', 'unarchive']) {
    const { code, stdout } = await riastore([command, '--help'])
    expect([code, stdout.includes('STORE is a URL')]).toEqual([0, true])
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  }
  expect(await riastore(['--version'])).toMatchObject({ code: 0, stderr: '' })
})

test('all datasets of a store are found, and nothing that only looks like one', async () => {
  const other = join(dataset.root, 'abc', 'def')
  await mkdir(join(other, 'annex/objects'), { recursive: true })
  await writeFile(join(other, 'ria-layout-version'), '2\n')
  await mkdir(join(dataset.root, 'abc', 'not-one'))
  await alias('raw')
  const ran = await riastore(['archive', '-n', '--json', '--all', dataset.root])
  expect(objectsOf(ran, 'dataset').map(({ dataset }) => dataset)).toEqual([ID, 'abcdef'])
  await rm(join(dataset.root, 'abc'), { recursive: true })
})
