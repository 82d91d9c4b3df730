import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import {
  type Contents,
  contentOf,
  differences,
  makeArchive,
  NOT_UTF8,
  someFiles,
} from '../../support/archives/real-archive.ts'
import { projectDirectory, systemProgram } from '../../support/programs/programs.ts'
import { run } from '../../support/programs/run.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'

async function openArchive(bytes: Buffer): Promise<Archive> {
  const store = openMemoryStore()
  await write(store, 'a.7z', bytes)
  return Archive.open(store, 'a.7z')
}

async function checkRealArchive(files: Contents, switches: readonly string[], program?: string): Promise<void> {
  const archive = await openArchive(await makeArchive(files, switches, program))
  expect(await differences(archive, files)).toEqual([])
  await archive.close()
}

const SOME = someFiles(40, 9000)

describe('members of archives made by 7z are byte-identical', () => {
  const METHODS = ['Copy', 'LZMA', 'LZMA2', 'Deflate', 'BZip2', 'PPMd']
  it.each(METHODS)('%s, solid', async (method) => checkRealArchive(SOME, [`-m0=${method}`, '-ms=on']))
  it.each(METHODS)('%s, not solid', async (method) => {
    await checkRealArchive(someFiles(12, 9000), [`-m0=${method}`, '-ms=off'])
  })
  it.each(Array.from({ length: 10 }, (_, level) => level))('level %i', (level) =>
    checkRealArchive(SOME, [`-mx${level}`]),
  )
  it.each(['-mx0', '-mx5'])('solid blocks of a few files: %s', (level) => checkRealArchive(SOME, [level, '-ms=5f']))
  it.each(['off', 'on'])('end header packed: %s', (packed) => checkRealArchive(SOME, ['-mx0', `-mhc=${packed}`]))
  it.each(['7za', '7zr'])('made by %s', (program) => checkRealArchive(SOME, [], program))
  it.each(['copy', 'lzma2', 'ppmd'])('made by p7zip 16.02: %s', async (method) => {
    const fixture = join(projectDirectory, `fixtures/archives/p7zip-16.02-${method}.7z`)
    const archive = await openArchive(await readFile(fixture))
    expect(await differences(archive, someFiles(9, 900))).toEqual([])
    await archive.close()
  })
  it('several packed streams a folder: BCJ2', () => checkRealArchive(SOME, ['-mf=BCJ2']))
})

describe.each([1, 1000])('an archive of %i members', (count) => {
  it.each(['-mx0', '-mx1'])('is read, made with %s', (level) => checkRealArchive(someFiles(count, 300), [level]))
})

describe('names', () => {
  it('may be any that a file system holds', async () => {
    const names = [
      'plain',
      'ünï côdé',
      '日本語/テスト',
      'a 😀 b',
      'with space ',
      'back\\slash',
      'tab\tand\nnewline',
      '\uef80',
      NOT_UTF8,
    ]
    const files = new Map(names.map((name, i) => [name, Buffer.from(`content ${i}`)] as const))
    await checkRealArchive(files, ['-mx0'])
  })

  it('are matched exactly', async () => {
    const archive = await openArchive(await makeArchive(new Map([['Dir/File', Buffer.from('x')]]), []))
    for (const name of [
      'dir/file',
      'Dir/File/',
      '/Dir/File',
      './Dir/File',
      'Dir',
      'File',
      'Dir/File\0',
      'Dir/Fil',
      '',
    ]) {
      expect(await archive.find(name), name).toBeUndefined()
    }
    expect(await archive.find('Dir/File')).toMatchObject({ name: 'Dir/File', size: 1, crc: 0x8cdc1683 })
  })
})

describe('what has no content', () => {
  it.each(['-mhc=on', '-mhc=off'])('empty files are members, directories are none (%s)', async (switches) => {
    const files = new Map([
      ['empty', Buffer.alloc(0)],
      ['dir/empty too', Buffer.alloc(0)],
      ['directory/', Buffer.alloc(0)],
      ['full', Buffer.from('full')],
    ])
    const archive = await openArchive(await makeArchive(files, [switches]))
    expect(await differences(archive, files)).toEqual([])
    expect(await archive.find('directory')).toBeUndefined()
    const empty = await archive.find('empty')
    expect(empty).toMatchObject({ size: 0 })
    expect(empty && (await contentOf(archive, empty))).toEqual(Buffer.alloc(0))
  })

  it('an archive of nothing but empty files is read', () => checkRealArchive(new Map([['e', Buffer.alloc(0)]]), []))
})

describe('an encrypted archive', () => {
  it.each([
    ['members', ['-psecret']],
    ['members and end header', ['-psecret', '-mhe=on']],
  ])('is told to be encrypted: %s', async (_, switches) => {
    const opened = openArchive(await makeArchive(SOME, switches))
    await expect(opened).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringMatching(/a\.7z: .*encrypted/),
    })
  })
})

it('an archive that 7z added to and deleted from is read', async () => {
  const directory = await temporaryDirectory()
  const sevenZip = async (...words: string[]) =>
    expect(await run(await systemProgram('7zz'), words, { cwd: directory.path })).toMatchObject({ status: 0 })
  try {
    const files = new Map([...someFiles(12, 900)])
    await writeFile(`${directory.path}/a.7z`, await makeArchive(files, ['-mx0', '-mhc=off']))
    await writeFile(`${directory.path}/added`, 'added')
    await sevenZip('a', '-mx5', 'a.7z', 'added')
    await sevenZip('d', 'a.7z', 'dir1/file 1.txt')
    files.set('added', Buffer.from('added'))
    files.delete('dir1/file 1.txt')
    const archive = await openArchive(await readFile(`${directory.path}/a.7z`))
    expect(await differences(archive, files)).toEqual([])
  } finally {
    await directory.remove()
  }
})
