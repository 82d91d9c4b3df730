import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory, LAYOUT_FILE } from '../../src/ria/layout/paths.ts'
import { objectsDirectory } from '../../src/ria/layout/places.ts'
import type { Store } from '../../src/store/store.ts'
import { type ArchiveProgram, installArchiveProgram, linesOfJson } from '../support/programs/archive-program.ts'
import { makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addRemote, initRemote } from '../support/repos/ria-store.ts'
import { variants } from '../support/shared/variants.ts'
import { listed, read, write } from '../support/stores/stores.ts'
import { PLACES } from '../support/worlds/places.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let riastore: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace, { inProcess: true })
})
afterAll(() => workspace?.remove())

/** Those of which a file can be made. */
async function backendsOf(text: string): Promise<string[]> {
  const [, names = ''] = /^key\/value backends: (.*)$/m.exec(text) ?? []
  return names.split(' ').filter((name) => !/^(URL|VURL|X\*|GITBUNDLE|GITMANIFEST)$/.test(name))
}

/** Flips a bit of keys in a store, each as long as before. */
async function damage(store: Store, id: string, isDamaged: (key: string) => boolean): Promise<number> {
  let count = 0
  for (const { path } of await listed(store.list(objectsDirectory(datasetDirectory(id))))) {
    if (!isDamaged(path.slice(path.lastIndexOf('/') + 1))) continue
    const content = await read(store, path)
    content.writeUInt8(content.readUInt8(0) ^ 1, 0)
    await write(store, path, content)
    count += 1
  }
  return count
}

test.each(variants(['in S3'], ['in S3', 'over ssh', 'over SFTP without a shell']))(
  '%s check --data finds the very keys damaged that git annex fsck does, of each backend',
  async (name) => {
    const { url, store, root, env } = await PLACES[name](workspace)
    if (root !== undefined) await mkdir(root)
    const [plain, chunked, encrypted] = ['plain', 'chunked', 'encrypted'].map((word) => `${word}-1111-of-a-dataset`)
    await write(store, LAYOUT_FILE, '1\n')
    for (const id of [plain, chunked, encrypted]) {
      await write(store, `${datasetDirectory(id ?? '')}/${LAYOUT_FILE}`, '2\n')
    }
    const repo = (await makeAnnexRepo(workspace, `repo-${name.replaceAll(' ', '-')}`)).with({ env })
    await addRemote(repo, url, plain ?? '', 'plain')
    if (url.startsWith('ria+s3')) await repo.setConfig('remote.plain.riastore-s3-endpoint', url)
    await initRemote(repo, url, chunked ?? '', { name: 'chunked', settings: { chunk: '2KiB' } })
    await initRemote(repo, url, encrypted ?? '', { name: 'encrypted', settings: { encryption: 'shared' } })
    const backends = await backendsOf((await repo.annex('version')).stdout)
    expect(backends.length).toBeGreaterThan(20)
    const attributes = backends.map((backend) => `*.${backend} annex.backend=${backend}\n`)
    await repo.write('.gitattributes', attributes.join(''))
    for (const backend of backends) {
      for (const word of ['good', 'damaged']) await repo.write(`${word}.${backend}`, randomBytes(3_000))
    }
    await repo.annex('add', '--quiet', '.')
    await repo.git('commit', '-q', '-m', 'Add files of all backends')
    const { stdout } = await repo.annex('find', '--include=damaged.*', '--json')
    const damaged = new Set(linesOfJson(stdout).map(({ key }) => String(key)))
    await repo.annex('copy', '--quiet', '--to', 'plain')
    const some = ['good.MD5E', 'damaged.SHA256']
    for (const remote of ['chunked', 'encrypted']) await repo.annex('copy', '--quiet', '--to', remote, ...some)

    /** What both say of all keys. */
    const verdicts = async (id: string, remote: string) => {
      const ran = await riastore.run(['check', '--data', '--json', '--no-progress', url, id], { env })
      const said = linesOfJson(ran.stdout)
      const fsck = await repo.tryAnnex('fsck', '--json', '--json-error-messages', '--from', remote)
      const keysOf = (objects: readonly Record<string, unknown>[], isBad: (one: Record<string, unknown>) => boolean) =>
        objects.filter(isBad).map(({ key }) => String(key))
      return {
        check: keysOf(said, ({ check }) => check === 'data-damaged').sort(),
        others: said.filter(({ type, check }) => type === 'finding' && check !== 'data-damaged'),
        fsck: keysOf(linesOfJson(fsck.stdout), ({ success }) => success === false).sort(),
        summary: said.at(-1),
      }
    }
    expect(await damage(store, plain ?? '', (key) => damaged.has(key))).toBe(backends.length)
    const { check, fsck, others, summary } = await verdicts(plain ?? '', 'plain')
    expect(others).toEqual([])
    // Of WORM neither of them can tell, and check says so.
    expect(check).toEqual(fsck)
    expect(fsck).toEqual([...damaged].filter((key) => !key.startsWith('WORM-')).sort())
    expect(summary).toMatchObject({ checked: 2 * backends.length, withoutChecksum: 2 })
    // Of these only git-annex has the checksum: check says so, and never that they are good.
    for (const [id, remote] of [
      [chunked ?? '', 'chunked'],
      [encrypted ?? '', 'encrypted'],
    ] as const) {
      const keys = (await listed(store.list(objectsDirectory(datasetDirectory(id))))).length
      await damage(store, id, () => true)
      const found = await verdicts(id, remote)
      expect([found.check, found.fsck.length], remote).toEqual([[], some.length])
      expect(found.summary, remote).toMatchObject({ checked: keys, withoutChecksum: keys })
    }
  },
)
