import { chmod, mkdir, mkdtemp, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placesOf, tombstonePath } from '../../src/ria/layout/places.ts'
import {
  type ArchiveProgram,
  archivesOf,
  inodesOf,
  installArchiveProgram,
  type Keys,
  linesOfJson,
  makeKeys,
  makeOddKeys,
  putKeys,
  stateOf,
} from '../support/programs/archive-program.ts'
import { systemProgram } from '../support/programs/programs.ts'
import { explain, run, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { addDataset, makeRiaStore, type RiaDatasetFiles, type RiaStore } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, removeTree, type Workspace } from '../support/worlds/workspace.ts'

const ACCOUNT = 'nobody'

interface Access {
  readonly store: RiaStore
  /** As it is given to the program. */
  readonly name: string
  /** Where 7z is to run. */
  readonly by: 'disk' | 'server' | 'client'
  /** Who has to own what is in the store. */
  readonly owner?: string
}

let workspace: Workspace
let riastore: ArchiveProgram
const accesses: Record<string, Access> = {}

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
  const store = await makeRiaStore(workspace.path('store'))
  const sshd = await startSshd(workspace)
  accesses.path = { store, name: store.root, by: 'disk' }
  accesses.file = { store, name: `ria+file://${store.root}`, by: 'disk' }
  accesses.ssh = { store, name: `ria+ssh://${sshd.alias}${store.root}`, by: 'server' }
  if (!isRoot) return
  // sshd wants every directory above it to be root's alone.
  const chroot = await mkdtemp('/run/riastore-')
  workspace.onRemove(() => removeTree(chroot))
  await chmod(chroot, 0o755)
  const sftp = await startSshd(workspace, { user: ACCOUNT, sftpOnly: { chroot } })
  const jailed = await makeRiaStore(join(chroot, 'store'))
  await runOk('chown', ['-R', ACCOUNT, jailed.root])
  accesses.sftp = { store: jailed, name: `ria+ssh://${sftp.alias}/store`, by: 'client', owner: ACCOUNT }
})
afterAll(() => workspace?.remove())

/** A dataset with keys in it, for whoever the access is. */
async function filled({ store, owner }: Access, keys: Keys, shared?: string): Promise<RiaDatasetFiles> {
  const dataset = await addDataset(workspace, store, shared === undefined ? {} : { shared })
  await putKeys(dataset, keys)
  if (owner !== undefined) await runOk('chown', ['-R', owner, dataset.path])
  return dataset
}

/** What the 7z program finds in the dataset's archive, byte for byte. */
async function unpacked(dataset: RiaDatasetFiles, keys: Keys): Promise<Keys> {
  const out = await mkdtemp(workspace.path('out-'))
  await runOk('7z', ['x', '-y', '-spd', `-o${out}`, join(dataset.path, 'archives/archive.7z')])
  const found: Keys = new Map()
  for (const key of keys.keys()) found.set(key, await readFile(join(out, placesOf(key, '2')[0] ?? '')))
  return found
}

async function expectLoose(dataset: RiaDatasetFiles, keys: Keys): Promise<void> {
  expect(await dataset.keys()).toHaveLength(keys.size)
  for (const [key, content] of keys) {
    const file = join(dataset.path, 'annex/objects', placesOf(key, '2')[0] ?? '')
    expect((await readFile(file)).equals(content), key).toBe(true)
  }
}

const accessNames = ['file', 'ssh', ...(isRoot ? ['sftp'] : [])]

// On a disk: all that comes below. Over SFTP: archive-killed.test.ts, among others.
describe.each(variants(['ssh'], accessNames))('the life of an archive, by %s', (how) => {
  test('keys are packed, listed, verified, added to and unpacked', async () => {
    const access = accesses[how] as Access
    const keys = new Map([...makeKeys(29), ...makeOddKeys(), ['WORM-s3-m1--a b', Buffer.from('abc')]])
    const dataset = await filled(access, keys, '0660')
    const [name, id] = [access.name, dataset.id]
    const inodes = await inodesOf(dataset)

    const before = await stateOf(dataset)
    const planned = await riastore.json(['archive', '--dry-run', name, id])
    expect(planned).toMatchObject([{ dataset: id, dryRun: true, packed: { keys: 34 }, problems: [] }])
    expect(planned[0]).toMatchObject({ before: { inodes }, after: { inodes: 1, looseKeys: 0, archivedKeys: 34 } })
    expect(await riastore.ok(['archive', '--list', name, id])).toBe('')
    expect(await riastore.ok(['archive', '--verify', name, id])).toBe(`${id}: no archive\n`)
    expect(await stateOf(dataset)).toEqual(before)

    const packed = await riastore.json(['archive', name, id])
    expect(packed).toMatchObject([{ dataset: id, by: access.by, packed: { keys: 34 }, left: {}, problems: [] }])
    expect(packed[0]).toMatchObject({ before: { looseKeys: 34, inodes }, after: { looseKeys: 0, inodes: 1 } })
    expect(await inodesOf(dataset)).toBe(1)
    expect(await archivesOf(dataset)).toEqual(['archive.7z'])
    expect(await unpacked(dataset, keys)).toEqual(keys)
    const file = await stat(join(dataset.path, 'archives/archive.7z'))
    // Sent as a file of its own it is read-only, as keys are.
    expect((file.mode & 0o777).toString(8)).toBe(access.by === 'client' ? '440' : '660')

    const listed = await riastore.json(['archive', '--list', name, id])
    expect(new Map(listed.map(({ key, size }) => [key, size]))).toEqual(
      new Map([...keys].map(([key, content]) => [key, content.length])),
    )
    expect(await riastore.ok(['archive', '--verify', name, id])).toMatch(`${id}: 34 members, `)

    const more = makeKeys(5, 100)
    await putKeys(dataset, more)
    if (access.owner !== undefined) await runOk('chown', ['-R', access.owner, dataset.path])
    const added = await riastore.ok(['archive', name, id])
    expect(added).toMatch(/archived keys +34 +\d+\n/)
    const all = new Map([...keys, ...more])
    expect(await unpacked(dataset, all)).toEqual(all)

    expect(await riastore.json(['unarchive', name, id])).toMatchObject([
      { dataset: id, archive: true, unpacked: { keys: all.size }, problems: [], after: { archivedKeys: 0 } },
    ])
    expect(await archivesOf(dataset)).toEqual([])
    await expectLoose(dataset, all)
    expect(await riastore.json(['unarchive', name, id])).toMatchObject([{ dataset: id, archive: false }])
  })
})

describe('which keys are packed', () => {
  test('--older-than, --max-size and --min-keys leave the others loose, and say why', async () => {
    const access = accesses.path as Access
    const keys = makeKeys(12, 12_000)
    const dataset = await filled(access, keys)
    const weekAgo = new Date(Date.now() - 7 * 86_400_000)
    for (const [key] of [...keys].slice(0, 4)) {
      await utimes(join(dataset.path, 'annex/objects', placesOf(key, '2')[0] ?? ''), weekAgo, weekAgo)
    }
    const filter = ['--older-than', '3d', '--max-size', '5k']
    const few = await riastore.ok(['archive', ...filter, '--min-keys', '5', access.name, dataset.id])
    expect(few).toContain('nothing to pack, 0 keys in the archive; left loose: ')
    expect(few).toContain('4 too few to be packed')
    await expectLoose(dataset, keys)
    const done = await riastore.ok(['archive', ...filter, '--min-keys', '4', access.name, dataset.id])
    expect(done).toContain('packed 4 keys')
    expect(done).toMatch(/left loose: .*6 too large/)
    expect(done).toMatch(/left loose: .*2 stored too recently/)
    expect(await dataset.keys()).toEqual([...keys.keys()].slice(4).sort())
  })

  test('--level packs tighter, and what was packed before stays as it is', async () => {
    const access = accesses.path as Access
    const text = (n: number) => Buffer.from(`${n} and again `.repeat(3000))
    const [first, second] = [0, 1].map((n) => new Map([[`WORM-s${text(n).length}-m1--${n}.txt`, text(n)]]))
    const dataset = await filled(access, first as Keys)
    await riastore.ok(['archive', '--level', '0', access.name, dataset.id])
    await putKeys(dataset, second as Keys)
    await riastore.ok(['archive', '--level', '9', access.name, dataset.id])
    const methods = (await runOk('7z', ['l', '-slt', join(dataset.path, 'archives/archive.7z')])).stdout
    expect([...methods.matchAll(/^Method = (\w+)/gm)].slice(1).map(([, method]) => method)).toEqual(['Copy', 'LZMA2'])
    const all = new Map([...(first as Keys), ...(second as Keys)])
    expect(await unpacked(dataset, all)).toEqual(all)
  })

  test('a dropped key goes from the archive, with its mark', async () => {
    const access = accesses.path as Access
    const keys = makeKeys(4)
    const dataset = await filled(access, keys)
    await riastore.ok(['archive', access.name, dataset.id])
    const dropped = [...keys.keys()][0] ?? ''
    const mark = join(dataset.path, tombstonePath('.', dropped))
    await mkdir(join(mark, '..'), { recursive: true })
    await writeFile(mark, '')
    expect(await riastore.ok(['archive', '--list', access.name, dataset.id])).toContain(`${dropped}  (dropped)\n`)
    expect(await riastore.ok(['archive', access.name, dataset.id])).toContain('took 1 member out of the archive')
    expect(await archivesOf(dataset)).toEqual(['archive.7z'])
    expect(await riastore.json(['archive', '--list', access.name, dataset.id])).toHaveLength(3)
  })
})

describe('which datasets', () => {
  test('an alias, and --all: one line of JSON for each', async () => {
    const store = await makeRiaStore(workspace.path('several'))
    const datasets = []
    for (const alias of ['raw', 'derived']) datasets.push(await addDataset(workspace, store, { alias }))
    for (const dataset of datasets) await putKeys(dataset, makeKeys(2))
    expect(await riastore.json(['archive', store.root, '~raw'])).toMatchObject([
      { dataset: datasets[0]?.id, aliases: ['raw'], by: 'disk' },
    ])
    const all = await riastore.json(['archive', '--all', store.root])
    expect(all.map(({ dataset }) => dataset)).toEqual(datasets.map(({ id }) => id).sort())
    const listed = await riastore.ok(['archive', '--list', '--all', store.root])
    for (const { id } of datasets) expect(listed).toMatch(new RegExp(`^${id}:\n +0 {2}MD5E-s0--`, 'm'))
    expect(await riastore.ok(['unarchive', `ria+file://${store.root}#~derived`])).toContain('unpacked 2 keys')
    for (const dataset of datasets) await stat(join(dataset.path, 'ria-layout-version'))
    expect((await readdir(join(store.root, 'alias'))).sort()).toEqual(['derived', 'raw'])
  })
})

describe('what goes wrong is told in one line, ends with 1, and changes nothing', () => {
  test.each([
    ['no dataset', (store: string) => ['archive', store], 'which dataset', 2],
    ['an unknown dataset', (store: string) => ['archive', store, 'nobody'], 'not in the store', 1],
    [
      'a level that 7z does not have',
      (store: string) => ['archive', '--level', '10', store, '--all'],
      '--level "10"',
      2,
    ],
    ['an age without a unit', (store: string) => ['archive', '--older-than', '3', store, '--all'], '--older-than', 2],
    ['a size that is none', (store: string) => ['archive', '--max-size', '1x', store, '--all'], '--max-size', 2],
    ['an unknown option', (store: string) => ['archive', store, '--all', '--frob'], 'there is no option --frob', 2],
    [
      'two orders at once',
      (store: string) => ['archive', '--list', '--verify', store, '--all'],
      'do not go together',
      2,
    ],
    ['a store that is none', (store: string) => ['archive', `${store}/alias`, '--all'], 'no RIA store', 4],
    [
      'a host that is none',
      () => ['archive', 'ria+ssh://no-such-host.invalid/store', '--all'],
      'no-such-host.invalid',
      4,
    ],
    ['no 7z program', (store: string) => ['archive', store, '--all'], '7z', 1, 'bare'],
  ])('%s', async (what, words, said, code, which = '') => {
    const store = await makeRiaStore(workspace.path(`wrong-${what.replaceAll(' ', '-')}`))
    const dataset = await addDataset(workspace, store)
    await putKeys(dataset, makeKeys(2))
    const before = await stateOf(dataset)
    const result = await (which === 'bare' ? runBare : riastore.run)(words(store.root))
    expect([result.status, result.stdout], explain(result)).toEqual([code, ''])
    expect(result.stderr).toMatch(/^riastore: [^\n]+\n$/)
    expect(result.stderr).toContain(said)
    expect(await stateOf(dataset)).toEqual(before)
  })

  test('a damaged archive is not swapped, added to or unpacked', async () => {
    const access = accesses.path as Access
    const keys = makeKeys(3)
    const dataset = await filled(access, keys)
    await riastore.ok(['archive', access.name, dataset.id])
    const file = join(dataset.path, 'archives/archive.7z')
    await writeFile(file, (await readFile(file)).subarray(0, -9))
    await putKeys(dataset, makeKeys(2, 77))
    const before = await stateOf(dataset)
    for (const words of [['archive'], ['archive', '--list'], ['archive', '--verify'], ['unarchive']]) {
      const result = await riastore.run([...words, access.name, dataset.id])
      expect([result.status, result.stdout], explain(result)).toEqual([1, ''])
      expect(result.stderr).toMatch(/^riastore: [^\n]*archive\.7z[^\n]*\n$/)
    }
    expect(await stateOf(dataset)).toEqual(before)
  })

  test.skipIf(!isRoot)('a store that may not be written to', async () => {
    const access = accesses.sftp as Access
    const dataset = await filled(access, makeKeys(3))
    await runOk('chown', ['-R', 'root', dataset.path])
    const before = await stateOf(dataset)
    const result = await riastore.run(['archive', access.name, dataset.id])
    expect([result.status, result.stdout], explain(result)).toEqual([1, ''])
    expect(result.stderr).toMatch(/^riastore: [^\n]*denied[^\n]*\n$/i)
    expect(await stateOf(dataset)).toEqual(before)
  })
})

test('a signal ends it with the code that shells expect, and leaves neither lock nor temporary file', async () => {
  const access = accesses.path as Access
  const keys = makeKeys(1500, 60_000)
  const dataset = await filled(access, keys)
  const running = riastore.start(['archive', access.name, dataset.id])
  await expect.poll(() => archivesOf(dataset), { interval: 5 }).toContainEqual(expect.stringContaining('.tmp'))
  process.kill(running.pid, 'SIGINT')
  const result = await running.done
  expect([result.status, result.stdout, result.stderr], explain(result)).toEqual([130, '', ''])
  expect(await archivesOf(dataset)).toEqual([])
  await expectLoose(dataset, keys)
})

describe('on a terminal', () => {
  /** `script` gives the program a terminal of its own. */
  const onTerminal = (words: readonly string[], answer: string) => {
    const quoted = [riastore.path, ...words].map((word) => `'${word}'`).join(' ')
    return run('script', ['-qec', quoted, '/dev/null'], { env: workspace.env, input: answer })
  }

  test('it asks first, and shows how far it is', async () => {
    const access = accesses.path as Access
    const keys = makeKeys(300, 2000)
    const dataset = await filled(access, keys)
    const refused = await onTerminal(['archive', access.name, dataset.id], 'n\n')
    expect(refused.status, explain(refused)).toBe(1)
    expect(refused.stdout).toContain(`Pack the loose keys of ${dataset.id} in ${access.name} into archives? [y/N]`)
    expect(refused.stdout).toContain('nothing was changed')
    await expectLoose(dataset, keys)
    const agreed = await onTerminal(['archive', access.name, dataset.id], 'y\n')
    expect(agreed.status, explain(agreed)).toBe(0)
    for (const phase of ['packing', 'verifying', 'removing']) {
      expect(agreed.stdout).toMatch(new RegExp(`${dataset.id} ${phase} +\\d+%`))
    }
    expect(agreed.stdout).toContain('packed 300 keys')
    // Not asked: --yes, and where nothing is changed.
    const sure = await onTerminal(['unarchive', '--yes', access.name, dataset.id], '')
    expect([sure.status, sure.stdout.includes('[y/N]')], explain(sure)).toEqual([0, false])
    const dry = await onTerminal(['archive', '--dry-run', access.name, dataset.id], '')
    expect([dry.status, dry.stdout.includes('[y/N]')], explain(dry)).toEqual([0, false])
    // JSON is for programs: no bar.
    const json = await onTerminal(['archive', '--yes', '--json', access.name, dataset.id], '')
    const told = linesOfJson(json.stdout.replaceAll('\r', ''))
    expect(told.filter(({ type }) => type === 'dataset')).toMatchObject([{ packed: { keys: 300 } }])
  })
})

/** Runs the program where there is no 7z: not on PATH, and not from npm. */
async function runBare(words: readonly string[]) {
  const directory = workspace.path('bare')
  await mkdir(directory)
  await runOk('cp', ['-r', workspace.path('programs/package/dist'), directory])
  await symlink(await systemProgram('git'), join(directory, 'git'))
  const env = { ...workspace.env, PATH: directory }
  return run(process.execPath, [join(directory, 'dist/riastore.js'), ...words], { env })
}
