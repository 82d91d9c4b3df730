import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { riastore } from '../../../support/programs/console-double.ts'
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
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(/is no alias that anybody could clone by/) })
  })

  test('list says which lead to no dataset', async () => {
    await alias('set', store, 'abc-def', 'one')
    await symlink('../xyz/gone', join(store, 'alias/gone'))
    expect((await alias('list', store)).stdout).toBe('~gone xyzgone (dangling: not in the store)\n~one abc-def\n')
    const lines = (await alias('list', '--json', store)).stdout.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { alias: 'gone', dataset: 'xyzgone', dangling: true },
      { alias: 'one', dataset: 'abc-def' },
    ])
    expect((await riastore(['show', store, '~gone'])).stderr).toContain(
      'the alias ~gone names a dataset that is not in the store (../xyz/gone)',
    )
  })
})

describe('riastore show', () => {
  const shown = async (where: string, name: string) =>
    JSON.parse((await riastore(['show', '--json', where, name])).stdout).aliases

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
