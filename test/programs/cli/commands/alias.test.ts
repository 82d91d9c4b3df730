import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { run } from '../../../support/programs/run.ts'
import { startWebServer } from '../../../support/servers/web-server.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = directory.path
  await writeFile(join(store, 'ria-layout-version'), '1\n')
  await run('git', ['init', '-q', '--bare', '-b', 'main', join(store, 'abc/-def')])
  await writeFile(join(store, 'abc/-def/ria-layout-version'), '2\n')
  await run('git', ['update-server-info'], { cwd: join(store, 'abc/-def') })
})
afterEach(() => directory.remove())

const alias = (...args: string[]) => riastore(['alias', ...args])

describe('riastore alias', () => {
  test('set gives a dataset another name, by its id or by a name that it has', async () => {
    expect((await alias('set', store, 'abc-def', 'one')).stdout).toBe('~one abc-def\n')
    expect((await alias('set', store, '~one', 'two')).stdout).toBe('~two abc-def\n')
    expect((await alias('set', store, 'abc-def', '007')).stdout).toBe('~007 abc-def\n')
    for (const name of ['one', 'two', '007']) expect(await readlink(join(store, 'alias', name))).toBe('../abc/-def')
  })

  test.each(['x@1', 'x%20y'])('set refuses %s, by which nobody could clone', async (name) => {
    const ran = await alias('set', store, 'abc-def', name)
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(/is no alias that anybody could clone by/) })
  })

  test('ls says which lead to no dataset', async () => {
    await alias('set', store, 'abc-def', 'one')
    await symlink('../xyz/gone', join(store, 'alias/gone'))
    expect((await alias('ls', store)).stdout).toBe('~gone xyzgone (dangling: not in the store)\n~one abc-def\n')
    const alike = { type: 'alias', action: 'ls' }
    expect(objectsOf(await alias('ls', '--json', store))).toEqual([
      { schema: 1, ...alike, alias: 'gone', dataset: 'xyzgone', aliases: ['gone'], dangling: true },
      { ...alike, alias: 'one', dataset: 'abc-def', aliases: ['one'] },
    ])
    expect((await riastore(['show', store, '~gone'])).stderr).toContain(
      'the alias ~gone names a dataset that is not in the store (../xyz/gone)',
    )
  })
})

describe('riastore alias rm', () => {
  test('takes a name away, and the dataset keeps its others', async () => {
    for (const name of ['one', 'two']) await alias('set', store, 'abc-def', name)
    const dry = await alias('rm', '-n', '--json', store, 'one')
    expect(objectsOf(dry)).toMatchObject([{ alias: 'one', removed: false, dataset: 'abc-def', aliases: ['two'] }])
    expect(await alias('rm', '--yes', store, '~one')).toMatchObject({ code: 0, stdout: 'removed ~one\n', stderr: '' })
    expect((await alias('ls', store)).stdout).toBe('~two abc-def\n')
    expect(await alias('rm', '-n', store, 'one')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no such alias/),
    })
  })

  test('asks, and where nobody can be asked wants --yes', async () => {
    await alias('set', store, 'abc-def', 'one')
    const unasked = await alias('rm', store, 'one')
    expect([unasked.code, unasked.stderr]).toEqual([
      2,
      'riastore: Take the name ~one away? Nobody can be asked here: give --yes\n',
    ])
    const no = await riastore(['alias', 'rm', store, 'one'], { answer: false })
    expect(no).toMatchObject({ code: 1, asked: ['Take the name ~one away?'], stderr: 'nothing was changed\n' })
    expect((await alias('ls', store)).stdout).toBe('~one abc-def\n')
    expect((await riastore(['alias', 'rm', store, 'one'], { answer: true })).code).toBe(0)
    expect((await alias('ls', store)).stdout).toBe('')
  })

  test('goes by its old name too, which says the new one', async () => {
    await alias('set', store, 'abc-def', 'one')
    expect(await alias('remove', '--yes', store, 'one')).toMatchObject({
      code: 0,
      stdout: 'removed ~one\n',
      stderr: 'riastore alias remove is now called riastore alias rm\n',
    })
  })
})

describe('riastore alias mv', () => {
  test('gives a dataset another name, and with -n says what it would do', async () => {
    for (const name of ['one', 'kept']) await alias('set', store, 'abc-def', name)
    const about = { action: 'mv', alias: 'new', formerly: 'one', dataset: 'abc-def' }
    const dry = objectsOf(await alias('mv', '-n', '--json', store, '~one', 'new'))
    expect(dry).toMatchObject([{ ...about, dryRun: true, aliases: ['kept', 'one'] }])
    expect((await alias('ls', store)).stdout).toBe('~kept abc-def\n~one abc-def\n')
    const done = objectsOf(await alias('mv', '--json', store, '~one', 'new'))
    expect(done).toMatchObject([{ ...about, dryRun: false, aliases: ['kept', 'new'] }])
    expect((await alias('ls', store)).stdout).toBe('~kept abc-def\n~new abc-def\n')
  })

  test('finishes what was broken off when both names were there', async () => {
    for (const name of ['one', 'new']) await alias('set', store, 'abc-def', name)
    expect((await alias('mv', store, 'one', 'new')).stdout).toBe('renamed ~one to ~new abc-def\n')
    expect((await alias('ls', store)).stdout).toBe('~new abc-def\n')
  })

  test.each([
    [['one', 'taken'], 1, /another dataset has this alias/],
    [['gone', 'new'], 1, /no such alias/],
    [['one', 'one'], 2, /is the name that it has/],
    [['one', 'x@1'], 2, /is no alias that anybody could clone by/],
    [['one'], 2, /which store\?/],
    [['one', 'new', 'newer'], 2, /wants a store, a name and the new one/],
  ])('refuses %j, and changes nothing, with -n too', async (names, code, said) => {
    await mkdir(join(store, 'abc/other'))
    await writeFile(join(store, 'abc/other/ria-layout-version'), '2\n')
    await alias('set', store, 'abc-def', 'one')
    await alias('set', store, 'abcother', 'taken')
    for (const options of [['-n'], []]) {
      const ran = await alias('mv', ...options, store, ...names)
      expect([ran.code, ran.stderr]).toEqual([code, expect.stringMatching(said)])
    }
    expect((await alias('ls', store)).stdout).toBe('~one abc-def\n~taken abcother\n')
  })
})

describe('riastore show', () => {
  const shown = async (where: string, name: string) =>
    objectsOf(await riastore(['show', '--json', where, name]), 'dataset')[0]?.aliases

  test('tells the aliases of a dataset on a disk, by whatever name it was asked for', async () => {
    for (const name of ['two', 'one']) await alias('set', store, 'abc-def', name)
    await mkdir(join(store, 'xyz/gone'), { recursive: true })
    await symlink('../xyz/gone', join(store, 'alias/other'))
    expect(await shown(store, 'abc-def')).toEqual(['one', 'two'])
    expect(await shown(store, '~two')).toEqual(['one', 'two'])
  })

  test('tells the alias by which it was asked over HTTP, where none can be listed', async () => {
    await alias('set', store, 'abc-def', 'one')
    const server = await startWebServer(store)
    try {
      expect(await shown(`ria+${server.url}`, '~one')).toEqual(['one'])
      expect(await shown(`ria+${server.url}`, 'abc-def')).toEqual([])
    } finally {
      await server.close()
    }
  })
})
