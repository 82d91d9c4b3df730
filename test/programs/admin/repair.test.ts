import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { compact } from '../../../src/admin/compaction/compact.ts'
import { repairDataset } from '../../../src/admin/repair/repair-dataset.ts'
import type { Repaired } from '../../../src/admin/repair/repaired.ts'
import { logPath } from '../../../src/core/records/location-log.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { makeArchive } from '../../support/archives/real-archive.ts'
import { isRoot } from '../../support/programs/users.ts'
import { commitFiles } from '../../support/repos/memory-repository.ts'
import { contents, type DatasetOnDisk, datasetOnDisk, keyOf } from '../../support/stores/dataset-on-disk.ts'
import { DIRECTORY, dataset as riaDataset } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

let disk: DatasetOnDisk
let memory: string
const keys: string[] = []
const CONTENTS = contents(3, 200)
const [FIRST = Buffer.alloc(0)] = CONTENTS

beforeEach(async () => {
  memory = await mkdtemp(join(tmpdir(), 'riastore-repair-'))
  disk = await datasetOnDisk()
  keys.length = 0
  for (const content of CONTENTS) keys.push(await disk.addKey(content))
  await compact(stored(), { temporaryDirectory: memory })
  // As a bad disk does: one bit of what the first member holds.
  const archive = await readFile(disk.file('archives/archive.7z'))
  const at = archive.indexOf(FIRST)
  archive.writeUInt8(archive.readUInt8(at + 5) ^ 4, at + 5)
  await writeFile(disk.file('archives/archive.7z'), archive)
})
afterEach(async () => {
  await disk.remove()
  await rm(memory, { recursive: true, force: true })
})

const stored = () => new StoredDataset(disk.store, DIRECTORY)

async function check(): Promise<Problem[]> {
  const problems: Problem[] = []
  const seenGood = await SeenGood.load(memory, stored())
  await checkDataset(stored(), (problem) => problems.push(problem), { data: { seenGood } })
  return problems.filter(({ key }) => key !== undefined)
}

async function repair(good: Buffer | undefined): Promise<Repaired[]> {
  const told: Repaired[] = []
  const find = async () => good && bufferSource(good)
  const sources = [{ where: 'elsewhere', find, close: async () => {} }]
  await repairDataset(stored(), await check(), (repaired) => told.push(repaired), { sources })
  return told
}

test('a damaged member of an archive is replaced by a loose copy, and no other member is touched', async () => {
  const before = await readFile(disk.file('archives/archive.7z'))
  expect((await check()).map(({ code, key }) => [code, key])).toEqual([['data-damaged', keys[0]]])
  expect((await repair(FIRST)).map(({ outcome }) => outcome)).toEqual(['mended'])
  expect(await readFile(disk.looseFile(keys[0] ?? ''))).toEqual(FIRST)
  expect((await readFile(disk.file('archives/archive.7z'))).equals(before)).toBe(true)
  expect(await check()).toEqual([])
  // The next packing leaves the damaged member out; the one after it packs the good copy.
  await compact(stored(), { temporaryDirectory: memory })
  await compact(stored(), { temporaryDirectory: memory })
  expect([await disk.dropped(), await disk.members(), disk.isLoose(keys[0] ?? '')]).toEqual([
    [],
    expect.objectContaining({ length: 3 }),
    false,
  ])
  for (const [i, key] of keys.entries()) expect(await disk.extract(key)).toEqual(CONTENTS[i])
  expect(await check()).toEqual([])
})

test('what can be read of a damaged member is kept when there is no good copy, and the key is absent', async () => {
  expect((await repair(Buffer.from('no good'))).map(({ outcome }) => outcome)).toEqual(['quarantined'])
  const [stamp = ''] = await readdir(disk.file('quarantine'))
  const kept = await readFile(disk.file(`quarantine/${stamp}/${keys[0]}`))
  expect([kept.length, kept.equals(FIRST)]).toEqual([FIRST.length, false])
  const dataset = riaDataset(disk.store)
  expect(await Promise.all(keys.map((key) => dataset.checkPresent(key)))).toEqual([false, true, true])
  await dataset.close()
  expect(await check()).toEqual([])
  expect(await disk.archives()).toEqual(['archive.7z', 'dropped'])
})

test('members where no client looks are put where they belong or kept aside, and the next packing leaves them out', async () => {
  const hand = await datasetOnDisk()
  try {
    const dataset = new StoredDataset(hand.store, DIRECTORY)
    const known = ['high', 'twice', 'loose', 'wrong', 'good'].map((text) => Buffer.from(text))
    const [high, twice, loose, wrong, good] = known.map((content) => keyOf(content)) as [
      string,
      string,
      string,
      string,
      string,
    ]
    const at = (key: string) => placesOf(key, '2')[0] ?? ''
    const members = {
      [`objects/${at(high)}`]: 'high',
      [`objects/${at(twice)}`]: 'twice',
      [at(twice)]: 'twice',
      [`x/${loose}`]: 'loose',
      [`objects/${at(wrong)}`]: 'not it',
      'some/README': 'read me',
      'other/README': 'read me too',
      'objects/x/y/WORM-s3--a/WORM-s3--a': 'abc',
      [at(good)]: 'good',
    }
    const bytes = await makeArchive(new Map(Object.entries(members).map(([name, text]) => [name, Buffer.from(text)])), [
      '-mx0',
    ])
    await writeFile(hand.file('archives/archive.7z'), bytes)
    await hand.addKey(Buffer.from('loose'))
    const find = async () => {
      const problems: Problem[] = []
      await checkDataset(dataset, (problem) => problems.push(problem))
      return problems.filter(({ code }) => code === 'archive-member')
    }
    const told: Repaired[] = []
    const recorded: [string, boolean][] = []
    const found = await find()
    expect(found.map(({ member }) => member).sort()).toEqual(
      Object.keys(members)
        .filter((name) => ![at(twice), at(good)].includes(name))
        .sort(),
    )
    await repairDataset(dataset, found, (repaired) => told.push(repaired), {
      onKeys: async (keys, areThere) => void recorded.push(...keys.map((key): [string, boolean] => [key, areThere])),
    })
    const outcomes = new Map(told.map(({ problem, outcome }) => [problem.member, outcome]))
    expect(outcomes).toEqual(
      new Map(
        found.map(({ member = '' }) => [
          member,
          member.includes('WORM') ? 'left' : member.includes(wrong) ? 'quarantined' : 'mended',
        ]),
      ),
    )
    expect(recorded).toEqual(
      expect.arrayContaining([
        [high, true],
        [wrong, false],
      ]),
    )
    expect(recorded).toHaveLength(2)
    for (const [i, key] of [high, twice, loose].entries()) expect(await readFile(hand.looseFile(key))).toEqual(known[i])
    expect((await find()).map(({ member }) => member)).toEqual(['objects/x/y/WORM-s3--a/WORM-s3--a'])
    const stamps = await readdir(hand.file('quarantine'))
    const kept = (await Promise.all(stamps.map((stamp) => readdir(hand.file(`quarantine/${stamp}`))))).flat()
    expect(kept.sort()).toEqual(['README', 'README', wrong].sort())
    for (let run = 0; run < 2; run++) await compact(dataset, { temporaryDirectory: memory })
    const files = (await hand.members()).filter((name) => /README|([^/]+)\/\1$/.test(name))
    expect(files.sort()).toEqual([at(high), at(twice), at(loose), at(good), 'objects/x/y/WORM-s3--a/WORM-s3--a'].sort())
    expect(await hand.dropped()).toEqual([])
    const client = riaDataset(hand.store)
    const there = await Promise.all([high, twice, loose, wrong, good].map((key) => client.checkPresent(key)))
    await client.close()
    expect(there).toEqual([true, true, true, false, true])
  } finally {
    await hand.remove()
  }
})

test('keys of an archive that nobody can read come back from a backup beside it', async () => {
  const uuid = '11111111-2222-3333-4444-555555555555'
  const id = DIRECTORY.replace('/', '')
  const logs = keys.map((key) => [logPath(key), `1700000000s 1 ${uuid}\n`])
  const remote = `${uuid} archive-id=${id} timestamp=1700000000s\n`
  await commitFiles(
    disk.store,
    DIRECTORY,
    { 'remote.log': remote, ...Object.fromEntries(logs) },
    { branch: 'git-annex' },
  )
  const archive = disk.file('archives/archive.7z')
  await copyFile(archive, disk.file('archives/backup.7z'))
  const torn = (await readFile(archive)).subarray(0, -20)
  await writeFile(archive, torn)
  const told: Repaired[] = []
  const problems: Problem[] = []
  await checkDataset(stored(), (problem) => problems.push(problem))
  expect(problems.map(({ code }) => code)).toContain('archive-damaged')
  const lost: string[] = []
  await repairDataset(
    stored(),
    problems.filter(({ code }) => code === 'archive-damaged'),
    (repaired) => told.push(repaired),
    {
      onKeys: async (gone) => void lost.push(...gone),
    },
  )
  // The first is damaged in the backup, too.
  expect(told.map(({ outcome }) => outcome)).toEqual(['quarantined'])
  expect(lost).toEqual([keys[0]])
  for (const [i, key] of keys.entries()) {
    if (i > 0) expect(await readFile(disk.looseFile(key))).toEqual(CONTENTS[i])
  }
  const [stamp = ''] = await readdir(disk.file('quarantine'))
  expect(await readFile(disk.file(`quarantine/${stamp}/archive.7z`))).toEqual(torn)
  expect(await disk.archives()).toEqual(['backup.7z'])
  // What is loose is packed anew.
  await compact(stored(), { temporaryDirectory: memory })
  for (const [i, key] of keys.entries()) if (i > 0) expect(await disk.extract(key)).toEqual(CONTENTS[i])
})

test('modes are mended, by root without a program that follows links', async () => {
  const shared = await datasetOnDisk({ config: '[core]\n\tsharedRepository = group\n' })
  try {
    const key = await shared.addKey(FIRST)
    const file = shared.looseFile(key)
    await chmod(file, 0o400)
    const ran: string[] = []
    const exec: Store['exec'] = (command, options) => {
      ran.push(command[0] ?? '')
      return shared.store.exec(command, options)
    }
    const dataset = new StoredDataset(withMethods(shared.store, { exec }), DIRECTORY)
    const problems: Problem[] = []
    await checkDataset(dataset, (problem) => problems.push(problem))
    const modes = problems.filter(({ code }) => code === 'mode')
    expect(modes).toHaveLength(1)
    const told: Repaired[] = []
    await repairDataset(dataset, modes, (repaired) => told.push(repaired))
    expect(told.map(({ outcome }) => outcome)).toEqual(['mended'])
    expect((await stat(file)).mode & 0o440).toBe(0o440)
    expect(await readFile(file)).toEqual(FIRST)
    expect(ran.includes('chmod')).toBe(!isRoot)
  } finally {
    await shared.remove()
  }
})
