import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { keyFileName } from '../../../../src/core/key.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import { mountSmallDisk } from '../../../support/faults/small-disk.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { runOk } from '../../../support/programs/run.ts'
import { startSshd } from '../../../support/servers/sshd.ts'
import { keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, ID } from '../../../support/stores/memory-dataset.ts'
import { makeWorkspace } from '../../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())
process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own

const MIB = 1024 * 1024
const KEY_BYTES = 3 * MIB

interface FullStore {
  readonly root: string
  readonly kept: { readonly key: string; readonly content: Buffer }
  freeBytes(): Promise<number>
  /** Of the archive, by 7z itself. */
  extract(key: string): Promise<Buffer>
}

/**
 * A store on a disk that is full but for 8 MiB; of the four keys in its archive three are dropped.
 */
async function fullStore(name: string): Promise<FullStore> {
  const { path } = await mountSmallDisk(workspace, name, '64m')
  const root = join(path, 'store')
  const file = (below: string) => join(root, DIRECTORY, below)
  await mkdir(file('archives/dropped'), { recursive: true })
  await writeFile(join(root, 'ria-layout-version'), '1\n')
  await writeFile(file('ria-layout-version'), '2\n')
  const contents = Array.from({ length: 4 }, () => randomBytes(KEY_BYTES))
  const keys = contents.map((content) => keyOf(content))
  for (const [i, content] of contents.entries()) {
    const loose = file(`annex/objects/${placesOf(keys[i] ?? '', '2')[0]}`)
    await mkdir(dirname(loose), { recursive: true })
    await writeFile(loose, content)
  }
  expect(await riastore(['archive', root, ID])).toMatchObject({ code: 0 })
  await mkdir(file('archives/dropped'), { recursive: true })
  for (const key of keys.slice(1)) await writeFile(file(`archives/dropped/${keyFileName(key)}`), '')
  const freeBytes = async () => {
    const { bavail, bsize } = await statfs(root)
    return bavail * bsize
  }
  await writeFile(join(path, 'others'), Buffer.alloc((await freeBytes()) - 8 * MIB))
  return {
    root,
    freeBytes,
    kept: { key: keys[0] ?? '', content: contents[0] as Buffer },
    async extract(key) {
      const member = placesOf(key, '2')[0] ?? ''
      const out = workspace.path(`out-${name}`)
      await rm(out, { recursive: true, force: true })
      await runOk('7z', ['x', '-y', `-o${out}`, file('archives/archive.7z'), member])
      return readFile(join(out, member))
    },
  }
}

test.each(['on a disk', 'over ssh'])('a nearly full store gets the space of dropped keys back (%s)', async (where) => {
  const store = await fullStore(where.replaceAll(' ', '-'))
  const { alias } = where === 'over ssh' ? await startSshd(workspace) : { alias: '' }
  const url = where === 'over ssh' ? `ria+ssh://${alias}${store.root}` : store.root
  const before = await store.freeBytes()
  const ran = await riastore(['archive', url, ID])
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  expect(ran.stdout).toMatch(/nothing to pack.*dropped keys gave 9\.0 MiB back in place/)
  expect((await store.freeBytes()) - before).toBeGreaterThan(3 * KEY_BYTES - 64 * 1024)
  expect((await store.extract(store.kept.key)).equals(store.kept.content)).toBe(true)
  const again = await riastore(['archive', '--in-place', '--json', url, ID])
  expect(objectsOf(again)).toContainEqual(expect.objectContaining({ type: 'dataset', freed: 0 }))
})

test('where nothing but SFTP is there, it is said that no hole can be made', async () => {
  const store = await fullStore('sftp')
  const { alias } = await startSshd(workspace, { config: ['ForceCommand internal-sftp'] })
  const ran = await riastore(['archive', '--in-place', `ria+sftp://${alias}${store.root}`, ID])
  expect(ran.code).not.toBe(0)
  expect(ran.stderr).toMatch(/archive\.7z: .*needs a shell with fallocate/)
  expect(await readdir(join(store.root, DIRECTORY, 'archives'))).toEqual(['archive.7z', 'dropped'])
})
