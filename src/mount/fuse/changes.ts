/**
 * The kernel's messages that change something, as a folder that can be written to needs them.
 * Source: linux/fuse.h, version 7.31.
 */

/** What `setattr` is to change. Times in ms since 1970, `now` for the clock's. */
export interface Change {
  /** Of the open file that it is asked through. */
  readonly handle: bigint | undefined
  /** Bytes. */
  readonly size: number | undefined
  /** Permissions, POSIX. */
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly accessed: number | 'now' | undefined
  readonly modified: number | 'now' | undefined
}

const VALID = {
  mode: 1,
  uid: 2,
  gid: 4,
  size: 8,
  atime: 16,
  mtime: 32,
  handle: 64,
  atimeNow: 128,
  mtimeNow: 256,
} as const

export function parseChange(body: Buffer): Change {
  const valid = body.readUInt32LE(0)
  const has = (bit: number) => (valid & bit) !== 0
  const time = (seconds: number, nanoseconds: number) =>
    Number(body.readBigInt64LE(seconds)) * 1000 + body.readUInt32LE(nanoseconds) / 1e6
  return {
    handle: has(VALID.handle) ? body.readBigUInt64LE(8) : undefined,
    size: has(VALID.size) ? Number(body.readBigUInt64LE(16)) : undefined,
    mode: has(VALID.mode) ? body.readUInt32LE(68) & 0o7777 : undefined,
    uid: has(VALID.uid) ? body.readUInt32LE(76) : undefined,
    gid: has(VALID.gid) ? body.readUInt32LE(80) : undefined,
    accessed: has(VALID.atimeNow) ? 'now' : has(VALID.atime) ? time(32, 56) : undefined,
    modified: has(VALID.mtimeNow) ? 'now' : has(VALID.mtime) ? time(40, 60) : undefined,
  }
}

/** The open file that `getattr` is asked through. */
export function parseAsked(body: Buffer): bigint | undefined {
  return body.length >= 16 && (body.readUInt32LE(0) & 1) !== 0 ? body.readBigUInt64LE(8) : undefined
}

/** Names that follow `at` bytes, each with a zero at its end. */
export function parseNames(body: Buffer, at: number): readonly Buffer[] {
  const names: Buffer[] = []
  for (let from = at; from < body.length; ) {
    const end = body.indexOf(0, from)
    names.push(body.subarray(from, end < 0 ? body.length : end))
    from = end < 0 ? body.length : end + 1
  }
  return names
}

export interface Write {
  readonly handle: bigint
  readonly offset: number
  readonly bytes: Buffer
}

export function parseWrite(body: Buffer): Write {
  return {
    handle: body.readBigUInt64LE(0),
    offset: Number(body.readBigUInt64LE(8)),
    bytes: body.subarray(40, 40 + body.readUInt32LE(16)),
  }
}

/** The answer to `write`. */
export function formatWritten(length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(length, 0)
  return bytes
}
