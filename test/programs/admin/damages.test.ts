import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import { checkStore } from '../../../src/admin/check/check-store.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { moveToSaidId } from '../../../src/admin/move/move-to-id.ts'
import { repairDataset } from '../../../src/admin/repair/repair-dataset.ts'
import { repairStore } from '../../../src/admin/repair/repair-store.ts'
import type { Repaired } from '../../../src/admin/repair/repaired.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openDavStore } from '../../../src/store/dav/dav.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import { openSftpStore } from '../../../src/store/sftp/sftp.ts'
import type { Store } from '../../../src/store/store.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { useTestS3 } from '../../support/servers/s3.ts'
import { startSshd } from '../../support/servers/sshd.ts'
import { startApache } from '../../support/servers/webdav.ts'
import { DAMAGES, DAMAGES_OF_FILES, DAMAGES_OF_PUSHES, keepRefLog, OLD_FILES } from '../../support/stores/damage.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE, put, read } from '../../support/stores/memory-dataset.ts'
import { hurriedTime } from '../../support/stores/stopping-store.ts'
import { makeWorkspace } from '../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())
process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
const NO_SHELL = ['ForceCommand internal-sftp']

interface Place {
  readonly store: Store
  /** On this machine. */
  readonly root: string | undefined
}

async function overSsh(config: readonly string[], name: string): Promise<Place> {
  const root = workspace.path(`store-${name}`)
  await mkdir(root)
  const { alias } = await startSshd(workspace, { config })
  return { store: openSftpStore({ target: { host: alias }, root, provider: 'ssh2' }), root }
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  'on a disk': async () => {
    const root = workspace.path('disk')
    await mkdir(root)
    return { store: openLocalStore({ root }), root }
  },
  'over ssh': () => overSsh([], 'ssh'),
  'over SFTP without a shell': () => overSsh(NO_SHELL, 'sftp'),
  'in S3': async () => {
    const { endpoint, bucket, account } = await useTestS3()
    const store = openS3Store({ endpoint, bucket, prefix: 'store', credentials: account })
    await put(store, 'ria-layout-version', '1\n')
    await recordAtomicPuts(store, {})
    return { store, root: undefined }
  },
  'behind WebDAV': async () => {
    const apache = await startApache()
    workspace.onRemove(() => apache.close())
    return { store: openDavStore({ url: `${apache.url}/store` }), root: undefined }
  },
}

async function makeGood(store: Store): Promise<void> {
  await put(store, 'ria-layout-version', '1\n')
  await put(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await put(store, `${DIRECTORY}/config`, '[core]\n\trepositoryformatversion = 0\n\tbare = true\n')
  await put(store, PLACE, CONTENT)
  const config = `[datalad "dataset"]\n\tid = ${ID}\n`
  const main = await commitFiles(store, DIRECTORY, { 'x.dat': annexLink(KEY), '.datalad/config': config })
  await store.remove(`${DIRECTORY}/refs/heads/main`)
  await keepRefLog(store, DIRECTORY, { refs: new Map([['refs/heads/main', main]]) })
}

const atHand = (store: Store) => new StoredDataset(store, DIRECTORY, ID)

/** What check finds in all of the store. */
async function check(store: Store): Promise<{ ofStore: Problem[]; ofDataset: Problem[] }> {
  const found: { ofStore: Problem[]; ofDataset: Problem[] } = { ofStore: [], ofDataset: [] }
  const seenGood = await SeenGood.load(workspace.path('checked'), atHand(store))
  await checkStore(store, (problem) => found.ofStore.push(problem))
  await checkDataset(atHand(store), (problem) => found.ofDataset.push(problem), { data: { seenGood } })
  return found
}

async function repair(store: Store): Promise<{ found: string[]; left: string[] }> {
  const told: Repaired[] = []
  const { ofStore, ofDataset } = await check(store)
  const tell = (repaired: Repaired) => void told.push(repaired)
  await repairStore(store, ofStore, tell)
  const sources = [{ where: 'a clone', find: async () => bufferSource(CONTENT), close: async () => {} }]
  await repairDataset(atHand(store), ofDataset, tell, { sources, breakLock: true, time: hurriedTime() })
  const left = told.filter(({ outcome }) => outcome === 'left').map(({ problem }) => problem.code)
  return { found: [...ofStore, ...ofDataset].map(({ code }) => code), left: [...new Set(left)].sort() }
}

const codesOf = ({ ofStore, ofDataset }: { ofStore: Problem[]; ofDataset: Problem[] }) =>
  [...ofStore, ...ofDataset].map(({ code }) => code)

/** What repair leaves to people. */
const NOT_MENDED = ['dataset-id']
const ROUNDS = [
  ['alias-dangling', 'half-dataset', 'key-misplaced', 'data-damaged', 'leftover', 'lock', 'views'],
  ['key-size', 'alias-double', 'alias-unreadable', 'archive-damaged', 'foreign-annex', 'pack-damaged'],
  ['mode', ...NOT_MENDED],
]

test.each(Object.keys(PLACES))(
  '%s every damage is found, and mended or said to be left; then nothing else is found, and the key is good',
  async (name) => {
    const { store, root } = (await PLACES[name]?.()) ?? { store: openLocalStore({ root: '' }), root: undefined }
    try {
      await makeGood(store)
      expect(codesOf(await check(store))).toEqual([])
      const victim = { store, directory: DIRECTORY, key: KEY }
      const ofFiles = root === undefined ? {} : { ...OLD_FILES, ...DAMAGES_OF_FILES }
      const doIt = async (code: string) => {
        const damage = DAMAGES[code] ?? DAMAGES_OF_PUSHES[code]
        if (damage !== undefined) return damage(victim)
        await ofFiles[code]?.(victim, root ?? '')
      }
      if (root !== undefined) {
        await mkdir(join(root, 'alias'))
        await symlink('../abc/def-not-there', join(root, 'alias', 'link-to-nothing'))
        await symlink('/somewhere', join(root, 'alias', 'link-elsewhere'))
        expect(codesOf(await check(store)).sort()).toEqual(['alias-dangling', 'alias-unreadable'])
      }
      // So many at once as do not hide each other.
      for (const round of ROUNDS) {
        const codes = round.filter((code) => code in { ...DAMAGES, ...DAMAGES_OF_PUSHES, ...ofFiles })
        for (const code of codes) await doIt(code)
        const { found, left } = await repair(store)
        expect(found).toEqual(expect.arrayContaining(codes))
        expect(left).toEqual(codes.filter((code) => NOT_MENDED.includes(code)).sort())
      }
      expect([...new Set(codesOf(await check(store)))].sort()).toEqual(NOT_MENDED)
      expect(await read(store, PLACE)).toEqual(CONTENT)
      const { directory } = await moveToSaidId(atHand(store), { aliases: [] })
      const found: string[] = []
      await checkDataset(new StoredDataset(store, directory), ({ code }) => found.push(code))
      expect([...new Set(found)].sort()).toEqual(NOT_MENDED.filter((code) => code !== 'dataset-id'))
      expect(await read(store, PLACE.replace(DIRECTORY, directory))).toEqual(CONTENT)
    } finally {
      await store.close()
    }
  },
)
