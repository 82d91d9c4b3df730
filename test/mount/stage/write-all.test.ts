import { expect, test } from 'vitest'
import { writeAll } from '../../../src/mount/stage/write-all.ts'

const bytes = Buffer.from('all of these bytes')

/** Takes so many bytes at once, and in the end no more. */
function nearlyFull(content: Buffer, atOnce: number, room: number) {
  let left = room
  return {
    write: async (from: Uint8Array, start: number, length: number, at: number) => {
      if (left === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28 })
      const bytesWritten = Math.min(length, atOnce, left)
      content.set(from.subarray(start, start + bytesWritten), at)
      left -= bytesWritten
      return { bytesWritten }
    },
  }
}

test('a disk that takes a part of a write gets the rest of it, too, at its place', async () => {
  const content = Buffer.alloc(bytes.length + 2)
  await writeAll(nearlyFull(content, 5, 1000), bytes, 2)
  expect(content.toString()).toBe(`\0\0${bytes}`)
})

test('what the rest of a write fails by is thrown', async () => {
  const content = Buffer.alloc(bytes.length)
  await expect(writeAll(nearlyFull(content, 5, 7), bytes, 0)).rejects.toMatchObject({ code: 'ENOSPC' })
  await expect(writeAll({ write: async () => ({ bytesWritten: 0 }) }, bytes, 0)).rejects.toMatchObject({ errno: 5 })
})
