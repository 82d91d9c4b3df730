import { hash } from 'node:crypto'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkedKey } from '../../src/bulk/fetch.ts'
import { objectSource } from '../../src/bulk/object-source.ts'
import { Bandwidth } from '../../src/core/bandwidth.ts'

const MIB = 1024 * 1024
const content = Buffer.concat([1, 2, 3, 4, 5].map((byte) => Buffer.alloc(MIB + byte, byte)))
const KEY = `MD5E-s${content.length}--${hash('md5', content)}.bin`

let directory: string
let file: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-objects-'))
  file = join(directory, 'object')
})
afterAll(() => rm(directory, { recursive: true, force: true }))

function source(onBytes: (bytes: number) => void = () => {}) {
  const checked = checkedKey(KEY)
  if (checked === undefined) throw new Error('it can be checked')
  return objectSource(file, checked, { bandwidth: new Bandwidth(undefined), onBytes })
}

/** What a receiver has of each chunk when it asks for the next. */
async function receive(): Promise<{ readonly bytes: Buffer; readonly error: unknown }> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of source().open()) {
      // The time in which another chunk is read and held against the checksum.
      await new Promise((resolve) => setTimeout(resolve, 5))
      chunks.push(Buffer.from(chunk))
    }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error }
  }
  return { bytes: Buffer.concat(chunks), error: undefined }
}

test('a large object comes whole, and a chunk stays as it is while the next is made', async () => {
  await writeFile(file, content)
  const { bytes, error } = await receive()
  expect(error).toBeUndefined()
  expect(bytes.equals(content)).toBe(true)
})

test('the last chunk of an object that is damaged is not given, nor of one that is too long', async () => {
  const damaged = Buffer.from(content)
  damaged[7] = 0
  for (const wrong of [damaged, Buffer.concat([content, Buffer.from('x')])]) {
    await writeFile(file, wrong)
    const { bytes, error } = await receive()
    expect(error).toMatchObject({ kind: 'corrupt' })
    expect(bytes.length).toBeLessThan(content.length)
  }
})

test('an object that ends too early is told as damaged', async () => {
  await writeFile(file, content)
  await truncate(file, 3 * MIB)
  expect((await receive()).error).toMatchObject({ kind: 'corrupt' })
})

test('only chunks that somebody took are counted, and one may leave at any of them', async () => {
  await writeFile(file, content)
  let counted = 0
  let length = 0
  const receiver = source((bytes) => {
    counted += bytes
  }).open()
  for await (const chunk of receiver) {
    length += chunk.length
    if (length >= 2 * MIB) break
  }
  expect(counted).toBe(length)
  expect(length).toBe(2 * MIB)
})
