import {
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  addMembers,
  findSevenZip,
  isPackable,
  isTemporaryOf,
  type Level,
  removeMembers,
  sevenZipArguments,
  testArchive,
} from '../../../../src/archive/seven-zip/seven-zip.ts'
import { mixedContent } from '../../../support/archives/real-folder.ts'
import { descendants } from '../../../support/programs/processes.ts'
import { systemProgram } from '../../../support/programs/programs.ts'
import { run } from '../../../support/programs/run.ts'

let directory: string
let archive: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-7z-'))
  archive = join(directory, 'a.7z')
  await mkdir(join(directory, 'files'))
})
afterEach(() => rm(directory, { recursive: true }))

const files = () => join(directory, 'files')

async function write(name: string, content: string | Buffer = `content of ${name}`): Promise<string> {
  await mkdir(dirname(join(files(), name)), { recursive: true })
  await writeFile(join(files(), name), content)
  return name
}

const add = (names: readonly string[], level: Level = 0, more: Partial<Parameters<typeof addMembers>[0]> = {}) =>
  addMembers({ archive, directory: files(), names: new Set(names), level, ...more })

async function sevenZip(...args: string[]) {
  const { status, stdout, stderr } = await run(await systemProgram('7zz'), args)
  if (status !== 0) throw new Error(stdout + stderr)
  return stdout
}

interface Listed {
  readonly method: string
  readonly block: string
}

/** The members as 7z lists them, by name. */
async function members(file = archive): Promise<Record<string, Listed>> {
  const text = (await sevenZip('l', '-slt', '-sccUTF-8', file)).split('----------\n')[1] ?? ''
  const entries = text.split('\n\n').filter((entry) => entry.startsWith('Path = '))
  const field = (entry: string, name: string) => new RegExp(`^${name} = (.*)$`, 'm').exec(entry)?.[1] ?? ''
  return Object.fromEntries(
    entries.map((entry) => [field(entry, 'Path'), { method: field(entry, 'Method'), block: field(entry, 'Block') }]),
  )
}

describe.each(['7zz', '7z', '7za'])('with %s alone', (name) => {
  const programs = { path: join(tmpdir(), `riastore-${name}-${process.pid}`) }
  beforeAll(async () => {
    await mkdir(programs.path, { recursive: true })
    await symlink(await systemProgram(name), join(programs.path, name))
  })
  afterAll(() => rm(programs.path, { recursive: true, force: true }))

  it('packs files of any name that is packable, under exactly that name', async () => {
    const names = [
      'f87/4d5/MD5E-s10--0123.nii.gz/MD5E-s10--0123.nii.gz',
      'with space/ends with one ',
      ' starts with one',
      '-dash',
      '@at',
      'quo"te',
      '"in quotes"',
      'ünï日本😀',
      'back\\slash',
      'a:b & c%d&s',
      '[x]',
      "!$`'#~;|<>",
      'a : b',
    ]
    for (const name of names) await write(name)
    expect(names.every(isPackable)).toBe(true)
    expect(await add(names, 0, { programs })).toEqual({ notAdded: [] })
    expect(Object.keys(await members()).sort()).toEqual([...names].sort())
    await sevenZip('x', `-o${directory}/out`, archive)
    for (const name of names) {
      expect(await readFile(join(directory, 'out', name), 'utf8')).toBe(`content of ${name}`)
    }
  })

  it('tells which files vanished before, without a fuss', async () => {
    for (const name of ['a', 'b c', 'd', 'e/f']) await write(name)
    const { notAdded } = await add(['gone', 'a', 'also : gone', 'b c', 'd', 'x/y/z', 'x/y2', 'e/gone', 'e/f'], 0, {
      programs,
    })
    expect([...notAdded].sort()).toEqual(['also : gone', 'e/gone', 'gone', 'x/y/z', 'x/y2'])
    expect(Object.keys(await members()).sort()).toEqual(['a', 'b c', 'd', 'e/f'])
  })

  it('tells which files vanished while it worked', async () => {
    await write('a big one', '')
    await truncate(join(files(), 'a big one'), 200_000_000)
    for (const name of ['b', 'c d', 'e']) await write(name)
    const adding = add(['a big one', 'b', 'c d', 'e', 'gone'], 5, { programs })
    await expect.poll(() => readdir(directory)).toContain('a.7z')
    await rm(join(files(), 'c d'))
    expect([...(await adding).notAdded].sort()).toEqual(['c d', 'gone'])
    expect(Object.keys(await members()).sort()).toEqual(['a big one', 'b', 'e'])
  })

  it('adds to an archive without packing again what is in it, and keeps a hard link of the old one as it was', async () => {
    for (const name of ['a', 'b', 'c']) await write(name, mixedContent(50_000, name.charCodeAt(0)))
    await add(['a', 'b'], 9, { programs })
    const before = await members()
    const old = await readFile(archive)
    await link(archive, join(directory, 'old.7z'))
    await add(['c'], 0, { programs })
    expect(await members()).toMatchObject(before)
    expect((await members()).c?.method).toBe('Copy')
    expect((await readFile(join(directory, 'old.7z'))).equals(old)).toBe(true)
    expect((await readFile(archive)).subarray(32, 33_000).equals(old.subarray(32, 33_000))).toBe(true)
  })

  it('replaces a member that has the name of a new file', async () => {
    await write('a', 'first')
    await write('A', 'another')
    await add(['a', 'A'], 0, { programs })
    await write('a', 'second')
    await add(['a'], 0, { programs })
    expect(Object.keys(await members()).sort()).toEqual(['A', 'a'])
    await sevenZip('x', `-o${directory}/out`, archive)
    expect(await readFile(join(directory, 'out/a'), 'utf8')).toBe('second')
  })

  it('removes exactly the members that are named', async () => {
    const names = ['x/a', 'x/b', 'x', 'xa', 'X/a'].filter((name) => name !== 'x')
    for (const name of names) await write(name)
    await add(names, 0, { programs })
    await removeMembers({ archive, names: new Set(['x/a', 'not there']), programs })
    expect(Object.keys(await members()).sort()).toEqual(['X/a', 'x/b', 'xa'])
  })

  it('says that a damaged archive is corrupt, and a whole one is not', async () => {
    await write('a', mixedContent(50_000))
    await add(['a'], 5, { programs })
    await testArchive({ archive, programs })
    const file = await open(archive, 'r+')
    await file.write(Buffer.from([1, 2, 3, 4]), 0, 4, 5000)
    await file.close()
    await expect(testArchive({ archive, programs })).rejects.toMatchObject({ kind: 'corrupt', where: archive })
    await truncate(archive, 6000)
    await expect(testArchive({ archive, programs })).rejects.toMatchObject({ kind: 'corrupt' })
  })
})

it.each<Level>([0, 1, 5, 9])(
  'level %i gives one folder a member, with no filter, and a plain end header',
  async (level) => {
    // What 7z takes for a program gets a filter that old ones do not know, unless told otherwise.
    await write('a.exe', await readFile(process.execPath).then((bytes) => bytes.subarray(0, 200_000)))
    await write('b', mixedContent(30_000))
    await add(['a.exe', 'b'], level)
    const listed = await members()
    expect(listed['a.exe']?.method).toMatch(level === 0 ? /^Copy$/ : /^LZMA2:\S+$/)
    expect(listed['a.exe']?.block).not.toBe(listed.b?.block)
    const bytes = await readFile(archive)
    expect(bytes[32 + Number(bytes.readBigUInt64LE(12))]).toBe(1)
  },
)

it('keeps the time of the last change', async () => {
  await utimes(join(files(), await write('a')), 1_500_000_000, 1_500_000_000)
  await add(['a'])
  expect(await sevenZip('l', '-slt', archive)).toContain('Modified = 2017-07-14')
})

it('packs three thousand files with names on disk that 7z does not see as its own options', async () => {
  const names = Array.from({ length: 3_000 }, (_, i) => `-${i % 100}/${i}`)
  for (let i = 0; i < 100; i++) await mkdir(join(files(), `-${i}`))
  for (const name of names) await writeFile(join(files(), name), 'x')
  const seen: number[] = []
  expect(await add(names, 0, { onProgress: ({ percent }) => seen.push(percent) })).toEqual({ notAdded: [] })
  expect(Object.keys(await members())).toHaveLength(3_000)
})

it('reports progress, from little to all', async () => {
  await write('big', '')
  await truncate(join(files(), 'big'), 300_000_000)
  await write('small')
  const seen: { percent: number; files: number }[] = []
  await add(['big', 'small'], 5, { onProgress: (progress) => seen.push(progress) })
  expect(seen.length).toBeGreaterThan(2)
  const percents = seen.map(({ percent }) => percent)
  expect(percents).toEqual([...percents].sort((a, b) => a - b))
  expect(Math.max(...percents)).toBeLessThanOrEqual(100)
})

it('an abort ends it, removes what it wrote and leaves the old archive as it was', async () => {
  await write('small')
  await add(['small'])
  const old = await readFile(archive)
  await write('big', '')
  await truncate(join(files(), 'big'), 20_000_000_000)
  const controller = new AbortController()
  const adding = add(['big'], 9, { signal: controller.signal })
  adding.catch(() => {})
  await expect.poll(() => readdir(directory)).toContain('a.7z.tmp')
  controller.abort()
  await expect(adding).rejects.toMatchObject({ kind: 'aborted', where: archive })
  expect(await readdir(directory)).toEqual(['a.7z', 'files'])
  expect((await readFile(archive)).equals(old)).toBe(true)
  expect((await descendants(process.pid)).filter(({ command }) => command.includes(archive))).toEqual([])
})

it('a program that is killed is an error, and what it leaves behind can be known by its name', async () => {
  await write('small')
  await add(['small'])
  await write('big', '')
  await truncate(join(files(), 'big'), 20_000_000_000)
  for (const count of [1, 2]) {
    const adding = add(['big'], 9)
    adding.catch(() => {})
    const mine = async () => (await descendants(process.pid)).filter(({ command }) => command.includes(archive))
    await expect.poll(async () => (await readdir(directory)).length).toBe(2 + count)
    for (const { pid } of await mine()) process.kill(pid, 'SIGKILL')
    await expect(adding).rejects.toMatchObject({ kind: 'transient', reason: expect.stringMatching(/ended by SIGKILL/) })
  }
  const left = (await readdir(directory)).filter((name) => !['a.7z', 'files'].includes(name))
  expect(left).toHaveLength(2)
  expect(left.every((name) => isTemporaryOf('a.7z', name))).toBe(true)
  for (const other of ['a.7z', 'a.7z.tmpx', 'b.7z.tmp', 'a.7z.temp']) expect(isTemporaryOf('a.7z', other)).toBe(false)
})

describe('an error is one line that names the archive once', () => {
  const caught = (promise: Promise<unknown>) =>
    promise.then(
      () => {
        throw new Error('it worked')
      },
      (error: Error & { kind: string }) => error,
    )

  it('when what is there is no archive', async () => {
    await write('a')
    await writeFile(archive, 'this is not an archive')
    const works = [
      () => add(['a']),
      () => removeMembers({ archive, names: new Set(['a']) }),
      () => testArchive({ archive }),
    ]
    for (const work of works) {
      const { kind, message } = await caught(work())
      expect(kind).toBe('corrupt')
      expect(message.split(archive)).toHaveLength(2)
      expect(message).not.toContain('\n')
      expect(message).toMatch(/7zz ended with exit code 2: .*archive/i)
    }
    expect(await readFile(archive, 'utf8')).toBe('this is not an archive')
  })

  it('when there is no place for it', async () => {
    await write('a')
    archive = join(directory, 'files/a/a.7z')
    const { kind, message } = await caught(add(['a']))
    expect(kind).toMatch(/missing|denied|transient/)
    expect(message).toMatch(/^pack \S+\/files\/a\/a\.7z: \S+7zz ended with exit code 2: .*errno/)
    expect(message.split(archive)).toHaveLength(2)
  })

  it('when there is no program', async () => {
    const { kind, message } = await caught(add([await write('a')], 0, { programs: { path: '' } }))
    expect(kind).toBe('unsupported')
    expect(message).toBe(`pack ${archive}: it needs the 7-Zip program: install 7-Zip 24.08 or newer (the package 7zip)`)
  })

  it('when a name cannot be packed; nothing is written then', async () => {
    for (const name of ['a*', 'b?', 'c\nd', '', '/abs', '../up', 'a//b', './a', 'byte\udcff']) {
      expect(isPackable(name)).toBe(false)
      expect((await caught(add([await write('ok'), name]))).kind).toBe('unsupported')
    }
    expect(await readdir(directory)).toEqual(['files'])
  })
})

describe('the search for the program', () => {
  /** Writes a program that says it is this 7-Zip, and is the real one for the rest. */
  async function program(place: string, name: string, banner: string, mode = 0o755): Promise<string> {
    await mkdir(join(directory, place), { recursive: true })
    const script = `#!/bin/sh\n[ "$1" = i ] && { echo '${banner}'; exit; }\nexec '${await systemProgram('7zz')}' "$@"\n`
    const file = join(directory, place, name)
    await writeFile(file, script, { mode })
    return file
  }
  const OLD = '7-Zip (a) [64] 16.02 : Copyright (c) 1999-2016 Igor Pavlov : 2016-05-21'
  const NEW = '7-Zip (z) 24.08 (x64) : Copyright (c) 1999-2024 Igor Pavlov : 2024-08-11'

  it('takes the best name first, wherever it is on PATH, and what can be run', async () => {
    await program('1', '7zr', NEW)
    await program('1', '7z', NEW, 0o644)
    const path = await program('2', '7za', NEW)
    const found = await findSevenZip({ path: `relative:${directory}/1:${directory}/2` })
    expect(found).toEqual({ path, name: '7za', version: { major: 24, minor: 8 }, isSafe: true })
    expect(await findSevenZip({ path: `${directory}/1` })).toBeUndefined()
    expect(await findSevenZip({ path: '' })).toBeUndefined()
  })

  it('takes one that is new enough before one that is too old, and that one before none', async () => {
    const old = await program('1', '7zz', OLD)
    const path = await program('2', '7za', NEW)
    expect(await findSevenZip({ path: `${directory}/1:${directory}/2` })).toMatchObject({ path, isSafe: true })
    expect(await findSevenZip({ path: `${directory}/1` })).toMatchObject({ path: old, isSafe: false })
  })

  it('an old one makes an archive, and is not given one that others may have made', async () => {
    const old = await program('1', '7z', OLD)
    const programs = { path: `${directory}/1` }
    await write('a')
    await add(['a'], 0, { programs, isOurs: true })
    const before = await readFile(archive)
    await write('b')
    const refusal = {
      kind: 'unsupported',
      reason: `${old} is 7-Zip 16.02, which is not safe with archives that others may have made: install 7-Zip 24.08 or newer (the package 7zip)`,
    }
    await expect(add(['b'], 0, { programs })).rejects.toMatchObject(refusal)
    await expect(removeMembers({ archive, names: new Set(['a']), programs })).rejects.toMatchObject(refusal)
    await expect(testArchive({ archive, programs })).rejects.toMatchObject(refusal)
    expect((await readFile(archive)).equals(before)).toBe(true)
    await add(['b'], 0, { programs, isOurs: true })
    expect(Object.keys(await members())).toEqual(['a', 'b'])
  })
})

it('the parameters work in a shell elsewhere, with a list in a file', async () => {
  await write('a b')
  const listFile = join(directory, 'list')
  await writeFile(listFile, '"a b"\n')
  const args = sevenZipArguments({ command: 'add', archive, listFile, level: 0 })
  const { status } = await run(await systemProgram('7zz'), args, { cwd: files() })
  expect(status).toBe(0)
  expect(Object.keys(await members())).toEqual(['a b'])
})
