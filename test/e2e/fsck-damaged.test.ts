import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ArchiveProgram, installArchiveProgram, linesOfJson } from '../support/programs/archive-program.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import {
  addDataset,
  initRemote,
  makeRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const remote = 'store'
const FILE = 'data.bin'

let workspace: Workspace
let riastore: ArchiveProgram
let store: RiaStore
let urls: Readonly<Record<'file' | 'ssh', string>>
beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace, { inProcess: true })
  store = await makeRiaStore(workspace.path('store'))
  urls = { file: `ria+file://${store.root}`, ssh: `ria+ssh://${(await startSshd(workspace)).alias}${store.root}` }
})
afterAll(() => workspace?.remove())

let count = 0
let repo: AnnexRepo
let dataset: RiaDatasetFiles
beforeEach(async () => {
  count += 1
  dataset = await addDataset(workspace, store)
  repo = await makeAnnexRepo(workspace, `repo-${count}`)
})
afterEach(() => rm(dataset.path, { recursive: true, force: true }))

/** Packs well, so that what is flipped in an archive cannot be unpacked any more. */
const contentOf = (file: string) => Buffer.from(`${file} ${randomBytes(9).toString('hex')} and so on\n`.repeat(900))
const contents = new Map<string, Buffer>()

interface PublishOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly url?: string
  readonly backend?: string
}

/** Makes the remote. */
async function connect({ settings = {}, url = urls.file }: PublishOptions = {}): Promise<void> {
  await initRemote(repo, url, dataset.id, { name: remote, settings })
}

/** Adds files and copies them to the store; a copy stays here. */
async function publish(files: readonly string[], { backend = 'MD5E' }: PublishOptions = {}): Promise<void> {
  for (const file of files) {
    contents.set(file, contentOf(file))
    await repo.write(file, contents.get(file) ?? '')
  }
  await repo.annex('add', `--backend=${backend}`, ...files)
  await repo.git('commit', '-q', '-m', 'Add')
  await repo.annex('copy', '--to', remote, ...files)
}

const looseFile = async (file: string) => dataset.keyFile(repo, await repo.key(file))

async function replace(file: string, content: Uint8Array): Promise<void> {
  await chmod(file, 0o644)
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}

function flipped(content: Buffer, at = Math.floor(content.length / 2)): Buffer {
  const damaged = Buffer.from(content)
  damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
  return damaged
}

/** Flips a bit in the packed data of the archive: 0 is its beginning, 1 its end. */
async function damageArchive(part: number): Promise<void> {
  const file = join(dataset.path, 'archives/archive.7z')
  const bytes = await readFile(file)
  await replace(file, flipped(bytes, 32 + Math.floor(Number(bytes.readBigUInt64LE(12)) * part)))
}

async function pack(...options: string[]): Promise<void> {
  await riastore.ok(['archive', ...options, store.root, dataset.id])
  expect(await dataset.keys()).toEqual([])
}

/** The files whose content git-annex believes to be in the store. */
async function recorded(): Promise<string[]> {
  return (await repo.annex('find', `--in=${remote}`)).stdout.split('\n').filter(Boolean).sort()
}

/** What riastore says of the dataset's keys when it reads them all. */
async function check(url: string) {
  const { stdout, status } = await riastore.run(['check', '--data', '--json', '--no-progress', url, dataset.id])
  const objects = linesOfJson(stdout)
  const damaged = new Set(objects.flatMap(({ type, key }) => (type === 'finding' && key !== undefined ? [key] : [])))
  return { status, damaged, summary: objects.at(-1) }
}

/** riastore finds the very copies damaged that git-annex's fsck takes away. */
async function expectSameVerdict(files: readonly string[], intact: readonly string[], url: string): Promise<void> {
  const { status, damaged } = await check(url)
  expect(damaged).toEqual(new Set(await Promise.all(files.map((file) => repo.key(file)))))
  expect(status).toBe(3)
  await expectMended(files, intact)
}

/**
 * git-annex's fsck takes copies away and corrects its records, and an ordinary copy then brings the
 * good ones.
 */
async function expectMended(files: readonly string[], intact: readonly string[]): Promise<void> {
  const fsck = await repo.tryAnnex('fsck', '--from', remote)
  expect(fsck.status, fsck.stdout + fsck.stderr).toBe(1)
  expect(await recorded(), fsck.stdout + fsck.stderr).toEqual([...intact])
  for (const file of files) expect((await repo.checkPresent(file, remote)).presence, file).toBe('absent')
  await repo.annex('copy', '--to', remote)
  await repo.annex('fsck', '--from', remote)
  expect(await recorded()).toEqual([...files, ...intact].sort())
  await repo.annex('drop', '.')
  await repo.annex('get', '.')
  for (const file of files) expect((await repo.read(file)).equals(contents.get(file) as Buffer), file).toBe(true)
}

describe.each(variants(['ssh'], ['file', 'ssh'] as const))(
  'over ria+%s, git annex fsck --from takes away, and copy --to replaces,',
  (scheme) => {
    test('files that are damaged, also when riastore checks downloads', async () => {
      await connect({ url: urls[scheme] })
      await repo.setConfig(`remote.${remote}.riastore-verify`, 'always')
      await publish(['other', 'shorter', 'longer', 'empty', 'good'])
      const content = contents.get('other') as Buffer
      await replace(await looseFile('other'), flipped(content))
      await replace(await looseFile('shorter'), content.subarray(0, 1_000))
      await replace(await looseFile('longer'), Buffer.concat([content, content]))
      await replace(await looseFile('empty'), Buffer.alloc(0))
      expect((await repo.checkPresent('shorter', remote)).presence).toBe('unknown')
      await expectSameVerdict(['other', 'shorter', 'longer', 'empty'], ['good'], urls[scheme])
      expect(await check(urls[scheme])).toMatchObject({ status: 0, damaged: new Set() })
    })

    test('members of the archive that are damaged, packed or not', async () => {
      await connect({ url: urls[scheme] })
      await publish(['copied'])
      await pack()
      await publish(['packed'])
      await pack('--level', '5')
      await damageArchive(0.5)
      await damageArchive(0.999)
      await expectSameVerdict(['copied', 'packed'], [], urls[scheme])
      await riastore.ok(['archive', store.root, dataset.id])
      expect(await riastore.ok(['archive', '--verify', store.root, dataset.id])).toContain('all good')
    })
  },
)

test('git annex fsck --from takes away a chunk that is damaged, and copy --to replaces it', async () => {
  await connect({ settings: { chunk: '20KiB' } })
  await publish([FILE])
  const [name = ''] = (await dataset.keys()).filter((key) => key.includes('-C2-'))
  const chunk = await dataset.keyFile(repo, name)
  await replace(chunk, flipped(await readFile(chunk)))
  // Only git-annex knows the checksum of the whole: riastore says that it cannot tell.
  const { status, damaged, summary } = await check(urls.file)
  expect([status, damaged, summary?.checked]).toEqual([0, new Set(), summary?.withoutChecksum])
  expect(summary?.withoutChecksum).toBe((await dataset.keys()).length)
  await expectMended([FILE], [])
})

test('of encrypted content riastore says that it cannot tell what git annex fsck finds damaged', async () => {
  await connect({ settings: { encryption: 'shared' } })
  await publish([FILE])
  const [name = ''] = await dataset.keys()
  const file = await dataset.keyFile(repo, name)
  await replace(file, flipped(await readFile(file)))
  const { status, damaged, summary } = await check(urls.file)
  expect([status, damaged, summary?.withoutChecksum]).toEqual([0, new Set(), 1])
  expect((await repo.tryAnnex('fsck', '--from', remote)).status).toBe(1)
})

test('git annex fsck --fast reads nothing, and neither records nor takes away a copy of another length', async () => {
  await connect()
  await publish([FILE])
  await replace(await looseFile(FILE), Buffer.alloc(1_000))
  const fsck = await repo.tryAnnex('fsck', '--fast', '--from', remote, FILE)
  expect(fsck.status).toBe(1)
  expect(fsck.stdout + fsck.stderr).toContain('the copy is damaged')
  expect(await recorded()).toEqual([FILE])
  expect((await readFile(await looseFile(FILE))).length).toBe(1_000)
})

test('no other command gets a damaged copy, or is told that it is there', async () => {
  await connect()
  await publish([FILE])
  await repo.setConfig(`remote.${remote}.annex-verify`, 'false')
  await replace(await looseFile(FILE), Buffer.alloc(1_000))
  expect((await repo.tryAnnex('drop', FILE)).status).toBe(1)
  await repo.annex('drop', '--force', FILE)
  expect((await repo.tryAnnex('get', '--from', remote, FILE)).status).toBe(1)
  expect(await repo.has(FILE)).toBe(false)
})

/** What git-annex cannot check is not handed over, or it would call it good. */
test.each([
  ['of a key without a checksum', {}, 'WORM'],
  ['that is encrypted', { encryption: 'shared' }, 'MD5E'],
] as const)(
  'a damaged member %s is refused, stays, and is replaced after a forced drop',
  async (_what, settings, backend) => {
    await connect({ settings })
    await publish([FILE], { backend })
    await pack()
    await damageArchive(0.5)
    const fsck = await repo.tryAnnex('fsck', '--from', remote, FILE)
    expect(fsck.status).toBe(1)
    expect(await recorded()).toEqual([FILE])
    await repo.annex('drop', '--force', '--from', remote, FILE)
    await repo.annex('copy', '--to', remote, FILE)
    await repo.annex('fsck', '--from', remote, FILE)
  },
)
