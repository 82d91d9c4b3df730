import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { BlockCache, BlockFile } from '../../../src/git/objects/block-file.ts'
import { applyDelta } from '../../../src/git/objects/delta.ts'
import { PackIndex } from '../../../src/git/objects/pack-index.ts'
import { PackReader } from '../../../src/git/objects/pack-reader.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { write } from '../../support/stores/stores.ts'

const ID = createHash('sha1').update('some object').digest()
const OFFSET = 12

/** A pack with one blob, and its index; `claimed`: the length that its header says. */
async function packOf(content: Buffer, claimed: number): Promise<PackReader> {
  const header = [0x30 | (claimed & 15)]
  for (let rest = Math.floor(claimed / 16); rest > 0; rest = Math.floor(rest / 128)) {
    header[header.length - 1] = (header.at(-1) ?? 0) | 0x80
    header.push(rest % 128)
  }
  const pack = Buffer.concat([Buffer.alloc(OFFSET), Buffer.from(header), deflateSync(content), Buffer.alloc(20)])
  const fanout = Buffer.alloc(1024)
  for (let byte = ID[0] ?? 0; byte < 256; byte++) fanout.writeUInt32BE(1, byte * 4)
  const offset = Buffer.from([0, 0, 0, OFFSET])
  const index = Buffer.concat([Buffer.from('ff744f6300000002', 'hex'), fanout, ID, Buffer.alloc(4), offset])
  const store = openMemoryStore()
  await write(store, 'pack', pack)
  await write(store, 'idx', index)
  const file = (path: string, { length: size }: Buffer) => new BlockFile(store, { path, size }, new BlockCache(), {})
  return new PackReader(file('pack', pack), await PackIndex.open(file('idx', index)), 1_000_000)
}

test('an object of a pack is read', async () => {
  const content = Buffer.from('a content, a content')
  const pack = await packOf(content, content.length)
  expect(await pack.read(ID)).toEqual({ type: 'blob', content })
  expect(await pack.read(Buffer.alloc(20))).toBeUndefined()
})

test('an object that memory could not hold is not read', async () => {
  const pack = await packOf(Buffer.from('small'), 2_000_000)
  await expect(pack.read(ID)).rejects.toMatchObject({ kind: 'unsupported' })
})

test('an object that unpacks to more than its pack says is damaged, and not held', async () => {
  const pack = await packOf(Buffer.alloc(50_000_000), 10)
  await expect(pack.read(ID)).rejects.toMatchObject({ kind: 'corrupt' })
})

test('a delta copies only what is there', () => {
  const base = Buffer.from('0123456789')
  const copy = (offset: number, length: number) => Buffer.from([10, length, 0x91, offset, length])
  expect(applyDelta(base, copy(2, 5)).toString()).toBe('23456')
  expect(() => applyDelta(base, copy(8, 5))).toThrow(RangeError)
  expect(() => applyDelta(Buffer.from('other'), copy(2, 5))).toThrow(RangeError)
})
