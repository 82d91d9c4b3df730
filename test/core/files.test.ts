import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diskFiles, type Files, filesFor, patientFiles, readDescriptor, writeFully } from '../../src/core/files.ts'
import { hasSlowMountBelow, namesSlowMount } from '../../src/core/process/mounts.ts'

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
    for await (const chunk of readDescriptor(diskFiles, fd, 2, 9, undefined, { chunkBytes: 3 }))
      chunks.push(Buffer.from(chunk).toString())
    await diskFiles.close(fd)
    expect(chunks).toEqual(['234', '567', '8'])
  })

  test('begins with the next chunk while the receiver has one, which stays as it is', async () => {
    const file = join(directory, 'ahead')
    await writeFile(file, 'aaabbbcccddd')
    const fd = await diskFiles.open(file, 'r')
    const begun: number[] = []
    const files = {
      ...diskFiles,
      read: (...args: Parameters<Files['read']>) => {
        begun.push(args[3])
        return diskFiles.read(...args)
      },
    }
    const held: Uint8Array[] = []
    const seen: string[] = []
    for await (const chunk of readDescriptor(files, fd, 0, 12, undefined, { chunkBytes: 3, held: 2 })) {
      held.push(chunk)
      seen.push(`${begun.at(-1)}: ${held.slice(-2).map((each) => Buffer.from(each).toString())}`)
    }
    await diskFiles.close(fd)
    expect(seen).toEqual(['3: aaa', '6: aaa,bbb', '9: bbb,ccc', '9: ccc,ddd'])
  })

  test('does not end while a read goes on, and tells of one that failed when its turn comes', async () => {
    let finish = () => {}
    const failing: Files = {
      ...patientFiles,
      read: (_fd, buffer, length, position) => {
        if (position === 0) return buffer.fill(0x61, 0, length).length
        return new Promise((_resolve, reject) => {
          finish = () => reject(new Error('the disk is gone'))
        })
      },
    }
    const start = () => readDescriptor(failing, -1, 0, 9, undefined, { chunkBytes: 3 })
    const left = start()
    await left.next()
    let isOver = false
    const over = left.return().then(() => {
      isOver = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).toBe(false)
    finish()
    await over
    const read = start()
    expect(await read.next()).toMatchObject({ done: false, value: Buffer.from('aaa') })
    finish()
    await expect(read.next()).rejects.toThrow('the disk is gone')
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

describe('a file system that is mounted below a directory', () => {
  const line = (place: string, type: string) =>
    `36 35 0:52 / ${place} rw,relatime shared:7 master:1 - ${type} server:/x rw\n`

  test.each([
    ['/data/store/abc', 'nfs4', true],
    ['/data/store/with\\040blank', 'fuse.sshfs', true],
    ['/data/store/abc', 'autofs', true],
    ['/data/store/abc', 'xfs', false],
    ['/data/store', 'nfs4', false], // statfs tells of the directory itself
    ['/data/store-2/abc', 'nfs4', false],
    ['/data', 'nfs4', false],
  ])('at %s, a %s, is one that may stop answering: %s', (place, type, expected) => {
    const mounts = line('/', 'ext4') + line('/data', 'ext4') + line(place, type)
    expect(namesSlowMount(mounts, '/data/store')).toBe(expected)
  })

  test('and may stop answering has all calls there be patient ones', async () => {
    // What is mounted at /proc lies on no disk.
    expect(await filesFor('/')).toBe(patientFiles)
    expect(await hasSlowMountBelow('/')).toBe(true)
    expect(await hasSlowMountBelow('/proc/self')).toBe(false)
  })
})
