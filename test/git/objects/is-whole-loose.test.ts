import { createHash, randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { isWholeLoose } from '../../../src/git/objects/is-whole-loose.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { write } from '../../support/stores/stores.ts'

const content = randomBytes(3_000_000)
const object = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content])
const id = createHash('sha1').update(object).digest('hex')
const file = deflateSync(object)

test('a large object that is what its id says is whole', async () => {
  const store = openMemoryStore()
  await write(store, 'x', file)
  expect(await isWholeLoose(store, 'x', id, {})).toBe(true)
})

test.each([
  ['is cut', file.subarray(0, file.length - 1000)],
  ['is empty', Buffer.alloc(0)],
  [
    'has a bit of another value',
    Buffer.concat([file.subarray(0, 500), Buffer.from([~(file[500] ?? 0)]), file.subarray(501)]),
  ],
  ['is no object', randomBytes(100_000)],
  ['is another object', deflateSync(Buffer.from('blob 1\0x'))],
  ['has something behind it', Buffer.concat([file, Buffer.alloc(200_000)])],
])('an object whose file %s is not whole', async (_what, bytes) => {
  const store = openMemoryStore()
  await write(store, 'x', bytes)
  expect(await isWholeLoose(store, 'x', id, {})).toBe(false)
})
