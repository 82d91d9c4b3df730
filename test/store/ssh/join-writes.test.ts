import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { joinWrites } from '../../../src/store/ssh/join-writes.ts'

/** A stream, and the pieces that its system was given with one call. */
function stream() {
  const calls: string[][] = []
  const made = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => {
      calls.push([chunk.toString()])
      done()
    },
    writev: (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)))
      done()
    },
  })
  return { calls, joined: joinWrites(made as Duplex & Parameters<typeof joinWrites>[0]) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what is written in one turn leaves with one call, in its order, and the next turn with another', async () => {
  const { calls, joined } = stream()
  for (const text of ['length', 'content', 'tag']) joined.write(text)
  expect(calls).toEqual([])
  await turn()
  expect(calls).toEqual([['length', 'content', 'tag']])
  joined.write('a')
  joined.write('b')
  await turn()
  expect(calls.slice(1)).toEqual([['a', 'b']])
})

test('whoever waits for a write is told, also of the last before the end', async () => {
  const { calls, joined } = stream()
  await new Promise<void>((resolve) => joined.write('a', () => resolve()))
  expect(calls).toEqual([['a']])
  joined.write('b')
  joined.end('c')
  await once(joined, 'finish')
  expect(calls.flat()).toEqual(['a', 'b', 'c'])
})
