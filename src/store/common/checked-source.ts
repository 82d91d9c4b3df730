import { abortedError, orAborted } from '../../core/abort.ts'
import { codeOf, messageOf, StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'

/**
 * Reads a source for an upload and holds it to its promise: exactly `size` bytes, else `corrupt`.
 * An error of the source becomes a StoreError that says that it was the content, not the store,
 * that could not be read.
 */
export async function* checkedSource(source: Source, where: string, signal?: AbortSignal): Bytes {
  const wrong = (what: string) =>
    sourceError('corrupt', where, `the content has ${what} than the ${source.size} bytes it should`)
  let length = 0
  const chunks = openSource(source, where, signal)
  let ended = false
  try {
    for (;;) {
      const next = await nextChunk(chunks, where, signal)
      if (next.done) break
      length += next.value.length
      if (length > source.size) throw wrong('more')
      yield next.value
    }
    ended = true
    if (length < source.size) throw wrong(`fewer (${length})`)
  } finally {
    // Not awaited: a source that hangs must not hold up whoever gave it up.
    if (!ended) Promise.resolve(chunks.return?.()).catch(() => {})
  }
}

function openSource(source: Source, where: string, signal?: AbortSignal): AsyncIterator<Uint8Array> {
  try {
    return source.open(signal)[Symbol.asyncIterator]()
  } catch (error) {
    throw unreadable(error, where, signal)
  }
}

async function nextChunk(chunks: AsyncIterator<Uint8Array>, where: string, signal?: AbortSignal) {
  try {
    return await orAborted(chunks.next(), 'put', where, signal)
  } catch (error) {
    throw unreadable(error, where, signal)
  }
}

function unreadable(error: unknown, where: string, signal: AbortSignal | undefined): StoreError {
  if (signal?.aborted) return abortedError('put', where, signal)
  if (error instanceof StoreError) return error
  const kind = codeOf(error) === 'EACCES' ? 'denied' : 'corrupt'
  return sourceError(kind, where, `cannot read the content: ${messageOf(error)}`, error)
}

function sourceError(kind: 'corrupt' | 'denied', where: string, message: string, cause?: unknown): StoreError {
  return new StoreError({ kind, op: 'put', where, message, sent: 'no', cause })
}
