import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diskFiles, type Files, filesFor, patientFiles, readDescriptor, writeFully } from '../../src/core/files.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-files-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const KINDS: readonly [string, Files][] = [
  ['answer at once', diskFiles],
  ['have patience', patientFiles],
]

describe.each(KINDS)('the file calls that %s', (kind, files) => {
  const path = (name: string) => join(directory, `${kind}-${name}`)

  test('write, read, link, rename and remove', async () => {
    const large = Buffer.alloc(200_000, 'large')
    const fd = await files.open(path('a'), 'w+', 0o640)
    await writeFully(files, fd, large, 0)
    await writeFully(files, fd, Buffer.from('small'), large.length)
    await files.fsync(fd)
    await files.fdatasync(fd)
    expect((await files.fstat(fd)).size).toBe(200_005)
    const chunks: Buffer[] = []
    for await (const chunk of readDescriptor(files, fd, 199_990, 1_000_000)) chunks.push(Buffer.from(chunk))
    expect(Buffer.concat(chunks).toString()).toBe('largelargesmall')
    await files.ftruncate(fd, 3)
    await files.fchmod(fd, 0o400)
    await files.close(fd)
    await files.link(path('a'), path('b'))
    await files.rename(path('b'), path('c'))
    await files.unlink(path('a'))
    expect(await readFile(path('c'), 'utf8')).toBe('lar')
    expect((await files.stat(path('c'))).mode & 0o777).toBe(0o400)
    await files.chmod(path('c'), 0o600)
    expect((await stat(path('c'))).mode & 0o777).toBe(0o600)
  })

  test('make and remove directories', async () => {
    await files.mkdir(path('d'), 0o700)
    expect((await files.stat(path('d'))).mode & 0o777).toBe(0o700)
    await files.rmdir(path('d'))
    await expect((async () => files.stat(path('d')))()).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('fail with the error of node', async () => {
    const make = async () => files.mkdir(join(path('nowhere'), 'd'), 0o700)
    await expect(make()).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('reading an open file', () => {
  test('gives its bytes in chunks, from the start to the end that was asked for', async () => {
    const file = join(directory, 'digits')
    await writeFile(file, '0123456789')
    const fd = await diskFiles.open(file, 'r')
    const chunks: string[] = []
    for await (const chunk of readDescriptor(diskFiles, fd, 2, 9, undefined, 3))
      chunks.push(Buffer.from(chunk).toString())
    await diskFiles.close(fd)
    expect(chunks).toEqual(['234', '567', '8'])
  })

  test('of an empty range gives nothing', async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of readDescriptor(diskFiles, -1, 5, 5)) chunks.push(chunk)
    expect(chunks).toEqual([])
  })
})

test('a chunk is written whole, also when the system takes it in parts', async () => {
  const written: string[] = []
  const reluctant: Files = {
    ...patientFiles,
    write: async (_fd, buffer, offset, position) => {
      written.push(`${position}:${Buffer.from(buffer).subarray(offset, offset + 3)}`)
      return Math.min(3, buffer.length - offset)
    },
  }
  await writeFully(reluctant, 0, Buffer.from('abcdefgh'), 100)
  expect(written).toEqual(['100:abc', '103:def', '106:gh'])
})

test('a path that cannot be looked at, and a file system that is no disk, get the patient calls', async () => {
  expect(await filesFor(join(directory, 'nowhere'))).toBe(patientFiles)
  expect(await filesFor('/proc')).toBe(patientFiles)
})
