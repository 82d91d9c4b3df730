import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { checkRange, readExactly } from '../common/read-exactly.ts'
import type { Consumer, GetOptions } from '../store.ts'
import type { Connected } from './connection.ts'
import { hasShell } from './has-shell.ts'
import type { SftpSession } from './session.ts'
import { downloadByShell, EXEC_FROM_BYTES } from './shell.ts'
import { toStat } from './stat.ts'

/** Asked for together with the file's length: a small file then needs no further request. */
const FIRST_BYTES = 64 * 1024

/** So much is asked for at once. */
const IN_FLIGHT_BYTES = 4 * 1024 * 1024

/**
 * Reads a file of at most FIRST_BYTES in two round trips: (1) the way to it, and open; (2) length
 * and content, and close without waiting.
 */
export async function getSftp(
  connected: Connected,
  file: string,
  where: string,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  const { session } = connected
  const handle = await openChecked(connected, file, where, options)
  try {
    const asked = typeof options.range === 'function' ? options.range() : options.range
    const first = startRead(session, handle, asked?.start ?? 0, FIRST_BYTES)
    const stats = await session.fstat(handle)
    if (stats.isDirectory()) throw new StoreError({ kind: 'missing', op: 'get', where, message: 'is a directory' })
    const stat = toStat(stats)
    const { start, end } = checkRange(where, stat, { ...options, range: asked })
    const byShell = end - start >= EXEC_FROM_BYTES && end === stat.size && (await hasShell(session))
    const bytes = byShell
      ? downloadByShell(session, file, where, start, options.signal)
      : read(session, handle, first, start, end)
    await readExactly(where, bytes, end - start, stat, consume, options)
  } finally {
    session.closeHandle(handle).catch(() => {})
  }
}

/**
 * Opens a file while the way to it is looked at; what is found there decides first. The server may
 * be stuck with what is no file (a FIFO): then so is all that is asked on this connection, which
 * ends.
 */
async function openChecked(
  { session, tree }: Connected,
  file: string,
  where: string,
  { strictLinks }: GetOptions,
): Promise<Buffer> {
  const looking = tree.file(file, { op: 'get', strict: strictLinks === true }, where)
  const opening = session.open(file, 'r')
  opening.catch(() => {}) // awaited below
  try {
    await looking
  } catch (error) {
    opening.then((handle) => session.closeHandle(handle)).catch(() => {})
    if (isStoreError(error, 'unsupported')) session.destroy(new Error('the server waits for what is no file'))
    throw error
  }
  return opening
}

interface Read {
  readonly position: number
  readonly buffer: Buffer
  readonly count: Promise<number>
}

function startRead(session: SftpSession, handle: Buffer, position: number, length: number): Read {
  const buffer = Buffer.allocUnsafe(length)
  const count = session.read(handle, buffer, length, position)
  count.catch(() => {}) // awaited in order; one that fails later must not end the process
  return { position, buffer, count }
}

/** The bytes of `[start, end)` in order, many requests ahead. */
async function* read(session: SftpSession, handle: Buffer, first: Read, start: number, end: number): Bytes {
  const ahead: Read[] = [first]
  let next = start + first.buffer.length
  let inFlight = first.buffer.length
  for (let current = ahead.shift(); current !== undefined && current.position < end; current = ahead.shift()) {
    while (next < end && inFlight < IN_FLIGHT_BYTES) {
      const length = Math.min(session.dataBytes, end - next)
      ahead.push(startRead(session, handle, next, length))
      next += length
      inFlight += length
    }
    inFlight -= current.buffer.length
    yield* whole(session, handle, current, end)
  }
}

/**
 * A server may answer with less than was asked for: then the rest of that piece is asked for again,
 * until the end of the file.
 */
async function* whole(session: SftpSession, handle: Buffer, { position, buffer, count }: Read, end: number): Bytes {
  const length = Math.min(buffer.length, end - position)
  let got = Math.min(await count, length)
  if (got === 0) return
  yield buffer.subarray(0, got)
  while (got < length) {
    const more = await session.read(handle, buffer, length - got, position + got)
    if (more === 0) return
    yield buffer.subarray(0, more)
    got += more
  }
}
