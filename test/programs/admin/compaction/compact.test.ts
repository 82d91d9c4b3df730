import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { copyFile, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type CompactOptions, compact } from '../../../../src/admin/compaction/compact.ts'
import { takeLock } from '../../../../src/admin/lock/lock.ts'
import { StoreError } from '../../../../src/core/errors.ts'
import { keyFileName } from '../../../../src/core/key.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../../src/store/store.ts'
import { temporaryName } from '../../../../src/store/temporary.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { systemProgram } from '../../../support/programs/programs.ts'
import { run, runOk } from '../../../support/programs/run.ts'
import { contents, type DatasetOnDisk, datasetOnDisk, keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY } from '../../../support/stores/memory-dataset.ts'
import { withMethods } from '../../../support/stores/stores.ts'

let dataset: DatasetOnDisk
afterEach(() => dataset?.remove())

const pack = (options: CompactOptions = {}, store: Store = dataset.store) =>
  compact(new StoredDataset(store, DIRECTORY), options)

async function addAll(all: readonly (string | Uint8Array)[]): Promise<string[]> {
  const keys: string[] = []
  for (const content of all) keys.push(await dataset.addKey(content))
  return keys
}

const memberNames = (keys: readonly string[]) => keys.map((key) => placesOf(key, '2')[0]).sort()

async function drop(key: string): Promise<void> {
  await rm(dataset.looseFile(key), { force: true })
  await mkdir(dataset.file('archives/dropped'), { recursive: true })
  await writeFile(dataset.tombstone(key), '')
}

describe('compaction', () => {
  test('packs loose keys under the names that ORA knows, and removes them and their directories', async () => {
    dataset = await datasetOnDisk()
    const all = [...contents(20), Buffer.alloc(0), randomBytes(2_000_000)]
    const keys = await addAll(all)
    const report = await pack()
    expect(report.packed).toEqual({ keys: 22, bytes: all.reduce((sum, { length }) => sum + length, 0) })
    expect(report.problems).toEqual([])
    expect(await dataset.members()).toEqual(memberNames(keys))
    for (const [i, key] of keys.entries()) {
      expect(dataset.isLoose(key)).toBe(false)
      expect((await dataset.extract(key)).equals(all[i] as Buffer)).toBe(true)
    }
    expect(report.before).toMatchObject({ looseKeys: 22, archivedKeys: 0, archiveBytes: 0 })
    expect(report.after).toMatchObject({ looseKeys: 0, looseBytes: 0, archivedKeys: 22, inodes: 1 })
    expect(report.before.inodes).toBeGreaterThan(44)
    const found = (await runOk('find', [dataset.file('annex/objects'), dataset.file('archives')])).stdout.trim()
    expect(found.split('\n')).toHaveLength(3) // the two directories and the archive: no empty hash directory
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('tells of an error of 7z by the paths that people know', async () => {
    dataset = await datasetOnDisk()
    await addAll(contents(2))
    const before = process.env.PATH
    const real = await systemProgram('7zz')
    const script = `#!/bin/sh\n[ "$1" = i ] && exec ${real} i\necho "ERROR: Permission denied: $*" >&2\nexit 2\n`
    await writeFile(dataset.file('7zz'), script, { mode: 0o755 })
    process.env.PATH = `${dataset.file('.')}:${before}`
    try {
      const error = await pack().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(StoreError)
      expect(String(error)).toContain(dataset.file('archives'))
      expect(String(error)).not.toContain('/proc/')
    } finally {
      process.env.PATH = before
    }
    expect(await dataset.archives()).toEqual([])
  })

  test('lists loose keys once, and tells what is left of them, to the inode', async () => {
    dataset = await datasetOnDisk()
    const twice = 'WORM-s5-m1--a:b'
    await addAll(contents(5))
    await dataset.addKey('twice', { key: twice })
    await dataset.addKey('twice', { key: twice, which: 1 })
    const damaged = await dataset.addKey('some content')
    await writeFile(dataset.looseFile(damaged), 'same length!')
    const short = await dataset.addKey('short content')
    await writeFile(dataset.looseFile(short), 'short')
    await writeFile(`${dataset.looseFile(damaged)}.map`, '')
    const replaced = await dataset.addKey('is replaced')
    const listed: string[] = []
    const store = withMethods(dataset.store, {
      list: (path, options) => {
        listed.push(path)
        return dataset.store.list(path, options)
      },
    })
    const onPhase = async (phase: string) => {
      if (phase === 'removing') await writeFile(dataset.looseFile(replaced), 'is replaced')
    }
    const inodes = async () =>
      Number((await runOk('sh', ['-c', 'find "$@" -mindepth 1 | wc -l', 'sh', ...inodesIn])).stdout)
    const inodesIn = [dataset.file('annex/objects'), dataset.file('archives')]
    const planned = await pack({ dryRun: true })
    const report = await pack({ onPhase }, store)
    expect(report.packed.keys).toBe(7)
    const objects = listed.filter((path) => path.startsWith(`${DIRECTORY}/annex/objects`))
    expect(new Set(objects).size).toBe(objects.length)
    const again = await pack({ dryRun: true, minKeys: 1000 })
    expect(report.after).toEqual(again.before)
    expect(report.after).toMatchObject({ looseKeys: 4, archivedKeys: 7, inodes: await inodes() })
    expect(planned.after.looseKeys).toBe(2)
  })

  test('adds to what is there without packing it again', async () => {
    dataset = await datasetOnDisk()
    const first = await addAll(contents(5))
    await pack({ level: 9 })
    const size = (await stat(dataset.file('archives/archive.7z'))).size
    const second = await addAll(contents(5, 5000))
    const report = await pack()
    expect(report.packed.keys).toBe(5)
    expect(await dataset.members()).toEqual(memberNames([...first, ...second]))
    expect((await stat(dataset.file('archives/archive.7z'))).size).toBeGreaterThan(size + 25_000)
  })

  test('packs with the layout of the dataset, 1 or 2', async () => {
    dataset = await datasetOnDisk({ version: '1' })
    const key = await dataset.addKey('content')
    await pack()
    expect(await dataset.members()).toEqual([placesOf(key, '1')[0]])
    expect(await dataset.members()).toEqual([expect.stringMatching(/^[0-9a-f]{3}\/[0-9a-f]{3}\//)])
  })

  test.each([0, 1, 5, 9] as const)('at level %i each key can be read by itself', async (level) => {
    dataset = await datasetOnDisk()
    const all = ['a'.repeat(50_000), 'b'.repeat(50_000), '']
    const keys = await addAll(all)
    expect((await pack({ level })).packed.keys).toBe(3)
    const { size } = await stat(dataset.file('archives/archive.7z'))
    if (level === 0) expect(size).toBeGreaterThan(100_000)
    else expect(size).toBeLessThan(3_000)
    for (const [i, key] of keys.entries()) expect((await dataset.extract(key)).toString()).toBe(all[i])
  })

  test('names of all kinds are packed as they are, and what 7z would change stays loose', async () => {
    dataset = await datasetOnDisk()
    const names = [
      'a b',
      'x[1]',
      'ünï😀例',
      "quo'te",
      '@list',
      '-dash',
      'dot.',
      'http://h/p&r=2%20',
      '!ex',
      '$HOME;`x`',
    ]
    const keys = await Promise.all(names.map((name) => dataset.addKey(name, { key: `URL--${name}` })))
    const odd = ['back\\slash', 'do"uble', 'end ', 'line\nbreak', 'http://h/p?q', 'x*'].map((name) => `URL--${name}`)
    for (const key of odd) await dataset.addKey('odd', { key })
    const report = await pack()
    expect(report.problems).toEqual([])
    expect(report.packed.keys).toBe(names.length)
    expect(report.left).toEqual({ name: odd.length })
    expect(await dataset.members()).toEqual(memberNames(keys))
    for (const key of odd) expect(dataset.isLoose(key)).toBe(true)
  })

  test('takes a key from either of its hash directories, and removes both copies', async () => {
    dataset = await datasetOnDisk()
    const both = await dataset.addKey('both', { key: 'URL--http://both' })
    await dataset.addKey('both', { key: both, which: 1 })
    const second = await dataset.addKey('second', { key: 'URL--http://second', which: 1 })
    const report = await pack()
    expect(report.packed.keys).toBe(2)
    expect(await dataset.members()).toEqual([placesOf(both, '2')[0], placesOf(second, '2')[1]].sort())
    expect([dataset.isLoose(both), dataset.isLoose(second)]).toEqual([false, false])
  })

  test('leaves what is no key, what git-remote-annex rewrites, and what lies where no client looks', async () => {
    dataset = await datasetOnDisk()
    await dataset.addKey('manifest', { key: 'GITMANIFEST--11111111-2222-3333-4444-555555555555' })
    await dataset.addKey('bundle', { key: `GITBUNDLE-s6--uuid-${'0'.repeat(64)}` })
    const key = keyOf('elsewhere')
    const place = dataset.file(`annex/objects/00/00/${key}/${key}`)
    await mkdir(dirname(place), { recursive: true })
    await writeFile(place, 'elsewhere')
    await writeFile(dataset.file(`annex/objects/${temporaryName()}`), 'half an upload')
    const report = await pack()
    expect(report.packed.keys).toBe(0)
    expect(report.left).toEqual({ git: 2, misplaced: 1 })
    expect(await dataset.archives()).toEqual([])
  })

  test('leaves keys that are younger, larger or fewer than asked for', async () => {
    dataset = await datasetOnDisk()
    const old = await dataset.addKey('old', { ageMs: 40 * 86_400_000 })
    await dataset.addKey('new')
    await dataset.addKey('x'.repeat(1000), { ageMs: 40 * 86_400_000 })
    const options = { olderThanMs: 30 * 86_400_000, maxBytes: 500 }
    const few = await pack({ ...options, minKeys: 2 })
    expect(few).toMatchObject({ packed: { keys: 0 }, left: { few: 1, recent: 1, large: 1 } })
    expect(dataset.isLoose(old)).toBe(true)
    const report = await pack({ ...options, minKeys: 1 })
    expect(report.left).toEqual({ recent: 1, large: 1 })
    expect(await dataset.members()).toEqual(memberNames([old]))
  })

  test('a dry run says what would be done and changes nothing', async () => {
    dataset = await datasetOnDisk()
    const [first = ''] = await addAll(contents(3))
    await pack()
    await drop(first)
    await addAll(contents(2))
    const before = await run('find', [dataset.root, '-printf', '%p %s %T@\n'])
    const report = await pack({ dryRun: true })
    expect(report).toMatchObject({
      dryRun: true,
      packed: { keys: 2 },
      purged: 1,
      after: { archivedKeys: 4, looseKeys: 0, inodes: 1 },
    })
    expect((await run('find', [dataset.root, '-printf', '%p %s %T@\n'])).stdout).toBe(before.stdout)
  })

  test('a damaged loose key is told of, stays loose, and is not in the archive', async () => {
    dataset = await datasetOnDisk()
    const good = await dataset.addKey('good')
    const flipped = await dataset.addKey('good content', { key: keyOf('Good content') })
    const short = await dataset.addKey('shor', { key: keyOf('short') })
    const report = await pack()
    expect(report.problems).toHaveLength(2)
    expect(report.problems.join('\n')).toMatch(/length is not the key's[\s\S]*does not have the key's checksum/)
    expect(report.left).toEqual({ damaged: 2 })
    expect(await dataset.members()).toEqual(memberNames([good]))
    expect([dataset.isLoose(flipped), dataset.isLoose(short)]).toEqual([true, true])
  })

  test('gives the archive the mode that core.sharedRepository asks for', async () => {
    dataset = await datasetOnDisk({ config: '[core]\n\tsharedRepository = 0660\n' })
    await dataset.addKey('shared')
    await pack()
    expect((statSync(dataset.file('archives/archive.7z')).mode & 0o777).toString(8)).toBe('660')
  })

  test('replaces a bad archived copy by the good loose one', async () => {
    dataset = await datasetOnDisk()
    const [key = '', other = ''] = await addAll(['first content', 'second content'])
    await pack()
    const archive = dataset.file('archives/archive.7z')
    const bytes = await readFile(archive)
    bytes.writeUInt8(bytes.readUInt8(bytes.indexOf('first content')) ^ 1, bytes.indexOf('first content'))
    await writeFile(archive, bytes)
    await dataset.addKey('first content')
    const report = await pack()
    expect(report).toMatchObject({ packed: { keys: 1 }, purged: 1, problems: [] })
    expect(await dataset.members()).toEqual(memberNames([key, other]))
    expect((await dataset.extract(key)).toString()).toBe('first content')
    expect(dataset.isLoose(key)).toBe(false)
  })

  test('a loose key whose archived copy is good is only removed', async () => {
    dataset = await datasetOnDisk()
    const [key = ''] = await addAll(['first', 'second'])
    await pack()
    const before = await stat(dataset.file('archives/archive.7z'))
    await dataset.addKey('first')
    // Also where too few are to be packed: a run that was killed left it.
    expect(await pack({ minKeys: 1 })).toMatchObject({ packed: { keys: 0 }, left: {} })
    expect(dataset.isLoose(key)).toBe(false)
    expect((await stat(dataset.file('archives/archive.7z'))).mtimeMs).toBe(before.mtimeMs)
  })

  test('of a key without a checksum the loose copy is the newer one', async () => {
    dataset = await datasetOnDisk()
    const key = await dataset.addKey('one encryption', { key: 'GPGHMACSHA1--0123' })
    await pack()
    await dataset.addKey('next encryption', { key })
    expect((await pack()).packed.keys).toBe(1)
    expect((await dataset.extract(key)).toString()).toBe('next encryption')
    await dataset.addKey('next encryption', { key })
    expect((await pack()).packed.keys).toBe(0)
    expect(dataset.isLoose(key)).toBe(false)
  })
})

describe('dropped keys', () => {
  test('go from the archive, and their tombstones with them', async () => {
    dataset = await datasetOnDisk()
    const [gone = '', kept = ''] = await addAll(contents(2))
    await pack()
    await drop(gone)
    const report = await pack()
    expect(report.purged).toBe(1)
    expect(await dataset.members()).toEqual(memberNames([kept]))
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('stay in the archive, with their tombstones, when 7z cannot be told their names', async () => {
    dataset = await datasetOnDisk()
    const odd = 'WORM-s1-m1--what?'
    const content = contents(1)
    await dataset.addKey('x', { key: odd })
    await runOk('7z', ['a', '-mx0', '-spd', '../../archives/archive.7z', '.'], { cwd: dataset.file('annex/objects') })
    await rm(dataset.file('annex/objects'), { recursive: true })
    const [kept = ''] = await addAll(content)
    await drop(odd)
    expect(await pack()).toMatchObject({ packed: { keys: 1 }, purged: 0, problems: [] })
    expect(await dataset.dropped()).toEqual([odd])
    expect(await dataset.extract(kept)).toEqual(content[0])
  })

  test('that were all take the archive with them', async () => {
    dataset = await datasetOnDisk()
    for (const key of await addAll(contents(3))) await drop(key)
    const keys = await addAll(contents(3))
    await pack()
    for (const key of keys) await drop(key)
    const report = await pack()
    expect(report.after).toEqual({ looseKeys: 0, looseBytes: 0, archivedKeys: 0, archiveBytes: 0, inodes: 0 })
    expect(await dataset.archives()).toEqual([])
  })

  test('that were stored again and still have a tombstone stay loose once more', async () => {
    dataset = await datasetOnDisk()
    const [key = '', other = ''] = await addAll(['returning', 'other'])
    await pack()
    await drop(key)
    await dataset.addKey('returning') // the client was killed before it removed the tombstone
    expect((await pack()).left).toEqual({ returning: 1 })
    expect(await dataset.members()).toEqual(memberNames([other]))
    expect([dataset.isLoose(key), await dataset.dropped()]).toEqual([true, []])
    expect((await pack()).packed.keys).toBe(1)
    expect(await dataset.members()).toEqual(memberNames([key, other]))
  })

  test('before they are packed are not in the archive', async () => {
    dataset = await datasetOnDisk()
    const [gone = '', kept = ''] = await addAll(contents(2))
    const report = await pack({ onPhase: async (phase) => (phase === 'packing' ? drop(gone) : undefined) })
    expect([report.packed.keys, report.problems]).toEqual([1, []])
    expect(await dataset.members()).toEqual(memberNames([kept]))
    expect(await dataset.dropped()).toEqual([])
  })

  test.each(['verifying', 'swapping', 'removing'] as const)('while it is %s are absent after it', async (when) => {
    dataset = await datasetOnDisk()
    const [gone = '', kept = ''] = await addAll(contents(2))
    await pack({ onPhase: async (phase) => (phase === when ? drop(gone) : undefined) })
    expect([dataset.isLoose(gone), await dataset.dropped()]).toEqual([false, [keyFileName(gone)]])
    expect(dataset.isLoose(kept)).toBe(false)
    await pack()
    expect(await dataset.members()).toEqual(memberNames([kept]))
    expect(await dataset.dropped()).toEqual([])
  })

  test('by a program that leaves no tombstone are absent after it all the same', async () => {
    dataset = await datasetOnDisk()
    const [gone = ''] = await addAll(contents(2))
    await pack({ onPhase: async (phase) => (phase === 'swapping' ? rm(dataset.looseFile(gone)) : undefined) })
    expect(await dataset.dropped()).toEqual([keyFileName(gone)])
  })

  test('and stored anew meanwhile stay present', async () => {
    dataset = await datasetOnDisk()
    const [key = ''] = await addAll(['content', 'other'])
    const again = async () => {
      await drop(key)
      await dataset.addKey('content')
      await rm(dataset.tombstone(key))
    }
    await pack({ onPhase: async (phase) => (phase === 'removing' ? again() : undefined) })
    expect([dataset.isLoose(key), await dataset.dropped()]).toEqual([true, []])
    await pack()
    expect((await dataset.extract(key)).toString()).toBe('content')
  })
})

describe('a compaction that cannot be done', () => {
  test.each([
    ['move', 'the swap'],
    ['remove', 'the removal of loose copies'],
    ['list', 'listing'],
    ['put', 'the lock'],
  ] as const)('loses nothing when %s (%s) fails, and the next one finishes', async (op, _what) => {
    dataset = await datasetOnDisk()
    const all = contents(10)
    const keys = await addAll(all)
    const faulty = withFaults(dataset.store, [{ op, fail: 'unreachable', nth: op === 'remove' ? 4 : 1 }] as never)
    await expect(pack({}, faulty)).rejects.toThrow()
    const names = await dataset.members()
    for (const key of keys) expect(dataset.isLoose(key) || names.includes(placesOf(key, '2')[0] ?? '')).toBe(true)
    expect((await pack()).problems).toEqual([])
    expect(await dataset.members()).toEqual(memberNames(keys))
    for (const [i, key] of keys.entries()) expect((await dataset.extract(key)).equals(all[i] as Buffer)).toBe(true)
    expect(await dataset.archives()).toEqual(['archive.7z'])
  })

  test('leaves the archive as it was and no file behind when it is aborted', async () => {
    for (const when of ['packing', 'verifying', 'swapping'] as const) {
      dataset = await datasetOnDisk()
      const keys = await addAll(contents(5))
      const stop = new AbortController()
      const onPhase = (phase: string) => (phase === when ? stop.abort(new Error('stopped')) : undefined)
      await expect(pack({ signal: stop.signal, onPhase })).rejects.toThrow()
      expect(await dataset.archives()).toEqual([])
      for (const key of keys) expect(dataset.isLoose(key)).toBe(true)
      await dataset.remove()
    }
  })

  test('does not swap when it lost the lock', async () => {
    dataset = await datasetOnDisk()
    const keys = await addAll(contents(3))
    const steal = async () => void (await takeLock(new StoredDataset(dataset.store, DIRECTORY), { breakLock: true }))
    const onPhase = (phase: string) => (phase === 'swapping' ? steal() : undefined)
    await expect(pack({ onPhase })).rejects.toMatchObject({ kind: 'conflict' })
    expect(await dataset.archives()).toEqual([expect.stringMatching(/^holder-/), 'lock']) // the thief's
    for (const key of keys) expect(dataset.isLoose(key)).toBe(true)
  })

  test('does not swap when another program replaced the archive', async () => {
    dataset = await datasetOnDisk()
    await addAll(contents(3))
    await pack()
    await addAll(contents(3))
    const archive = dataset.file('archives/archive.7z')
    const replace = async () => {
      await copyFile(archive, `${archive}.new`)
      await rename(`${archive}.new`, archive)
    }
    const onPhase = (phase: string) => (phase === 'swapping' ? replace() : undefined)
    await expect(pack({ onPhase })).rejects.toMatchObject({ kind: 'conflict' })
    expect(await dataset.members()).toHaveLength(3)
  })

  test('does not swap in an archive in which 7z wrote another byte than it read', async () => {
    dataset = await datasetOnDisk()
    const [key = ''] = await addAll(['the content of it'])
    // The new archive reads wrong, the loose copy reads right.
    const get: Store['get'] = (path, consume, options) =>
      dataset.store.get(
        path,
        (bytes, stat) => consume(path.includes('archives/riastore-') ? flipped(bytes) : bytes, stat),
        options,
      )
    await expect(pack({}, withMethods(dataset.store, { get }))).rejects.toMatchObject({ kind: 'corrupt' })
    expect(dataset.isLoose(key)).toBe(true)
    expect(await dataset.archives()).toEqual([])
  })

  test('says how much space is needed before it writes anything', async () => {
    dataset = await datasetOnDisk()
    await addAll([randomBytes(100_000)])
    const poor = withMethods(dataset.store, { freeBytes: async () => 50_000 })
    const phases: string[] = []
    const onPhase = (phase: string) => void phases.push(phase)
    await expect(pack({ onPhase }, poor)).rejects.toMatchObject({ kind: 'full' })
    expect(phases).not.toContain('packing')
    expect(await dataset.archives()).toEqual([])
  })

  test('refuses a layout that it does not know', async () => {
    dataset = await datasetOnDisk({ version: '7' })
    await addAll(contents(1))
    await expect(pack()).rejects.toThrow(/read-only: .*version 7/)
    expect(await dataset.archives()).toEqual([])
  })
})

describe('a run after one that was killed', () => {
  test('removes what that left', async () => {
    dataset = await datasetOnDisk()
    await addAll(contents(2))
    await pack()
    const name = temporaryName()
    await link(dataset.file('archives/archive.7z'), dataset.file(`archives/${name}`))
    for (const rest of [`${name}.tmp`, `${name}.list`, temporaryName()])
      await writeFile(dataset.file(`archives/${rest}`), 'x')
    await writeFile(dataset.file('archives/readme.txt'), 'somebody else wrote this')
    await pack()
    expect(await dataset.archives()).toEqual(['archive.7z', 'readme.txt'])
  })

  test('keeps the archive apart from the old one by whole seconds, as SFTP sees them', async () => {
    dataset = await datasetOnDisk()
    const archive = dataset.file('archives/archive.7z')
    for (let i = 0; i < 3; i++) {
      await addAll(contents(1))
      const before = await stat(archive).catch(() => undefined)
      await pack()
      if (before) expect(Math.floor((await stat(archive)).mtimeMs / 1000)).not.toBe(Math.floor(before.mtimeMs / 1000))
    }
  })
})

async function* flipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    const text = Buffer.from(chunk)
    const at = text.indexOf('the content of it')
    if (at >= 0) text.writeUInt8(text.readUInt8(at) ^ 1, at)
    yield text
  }
}
