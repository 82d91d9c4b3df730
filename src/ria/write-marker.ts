import { messageOf, StoreError, type StoreErrorKind } from '../core/errors.ts'
import { bufferSource } from '../core/source.ts'
import { readSmall } from '../store/read-small.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { temporaryName } from '../store/temporary.ts'

/**
 * Proves that a store keeps what it is given: a small file of a temporary name below `directory` is
 * written, read back, compared and removed. Throws StoreError that says which of these did not
 * work; nothing is left behind if the store can still be reached.
 */
export async function writeMarker(store: Store, directory: string, call: CallOptions = {}): Promise<void> {
  const path = `${directory}/${temporaryName()}`
  const content = Buffer.from(`written by riastore to see whether this can be written: ${path}\n`)
  const fail = (op: string, what: string, kind: StoreErrorKind, cause?: unknown) =>
    new StoreError({ kind, op, where: `${store.traits.root}/${path}`, message: what, cause })
  const step = async <T>(op: string, what: string, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      const [kind, reason] =
        error instanceof StoreError ? [error.kind, error.reason] : ['corrupt' as const, messageOf(error)]
      throw fail(op, `${what}: ${reason}`, kind, error)
    }
  }

  await step('put', 'the store cannot be written to', store.put(path, bufferSource(content), call))
  try {
    const reading = readSmall(store, path, content.length, call)
    const found = await step('get', 'what was just written cannot be read', reading)
    if (!found.equals(content)) throw fail('get', 'what was just written reads differently', 'corrupt')
  } catch (error) {
    await store.remove(path).catch(() => {}) // the first error counts
    throw error
  }
  await step('remove', 'what was just written cannot be removed', store.remove(path, call))
  if ((await step('stat', 'what was just removed cannot be looked up', store.stat(path, call))) === undefined) return
  throw fail('remove', 'what was just removed is still there', 'corrupt')
}
