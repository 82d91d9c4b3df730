import { describe, expect, it } from 'vitest'
import { PartBuffers, partBytesFor } from '../../../src/store/s3/part-buffers.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const TIB = 1024 * GIB

describe('the size of the parts of an upload', () => {
  it('is what was asked for while that is at most 10,000 parts, and grows then', () => {
    expect(partBytesFor(GIB, 16 * MIB)).toBe(16 * MIB)
    expect(partBytesFor(160_000 * MIB, 16 * MIB)).toBe(16 * MIB)
    expect(partBytesFor(160_000 * MIB + 1, 16 * MIB)).toBe(17 * MIB)
    expect(partBytesFor(5 * TIB, 16 * MIB)).toBe(525 * MIB)
    for (const size of [1, GIB, 200 * GIB, TIB + 1, 48 * TIB]) {
      expect(Math.ceil(size / (partBytesFor(size, 5 * MIB) ?? 0))).toBeLessThanOrEqual(10_000)
    }
  })

  it('is never less than S3 takes, and there is none for a file that S3 cannot hold', () => {
    expect(partBytesFor(GIB, 1)).toBe(5 * MIB)
    expect(partBytesFor(60 * TIB, 16 * MIB)).toBeUndefined()
  })
})

describe('the memory of uploads', () => {
  it('is used again, and bounded', () => {
    const buffers = new PartBuffers()
    const first = buffers.take(16 * MIB)
    buffers.give(first)
    expect(buffers.take(16 * MIB)).toBe(first)
    for (let i = 1; i < 6; i++) buffers.take(16 * MIB)
    expect(buffers.hasRoom(16 * MIB)).toBe(false)
    expect(buffers.partBytes).toBe(8 * MIB)
  })
})
