import { messageOf, StoreError, type StoreErrorKind } from '../core/errors.ts'
import { bufferSource } from '../core/source.ts'
import { readSmall } from '../store/read-small.ts'
import type { CallOptions } from '../store/store.ts'
import { temporaryName } from '../store/temporary.ts'
import type { StoredDataset } from './layout/stored-dataset.ts'

/**
 * Proves that a store keeps what it is given: a small file of a temporary name below `directory` is
 * written, read back, compared and removed. Throws StoreError that says which of these did not
 * work; nothing is left behind if the store can still be reached.
 */
export async function writeMarker(dataset: StoredDataset, call: CallOptions = {}): Promise<void> {
  const path = dataset.path(temporaryName())
  const content = Buffer.from(`written by riastore to see whether this can be written: ${path}\n`)
  const fail = (op: string, what: string, kind: StoreErrorKind, cause?: unknown) =>
    dataset.error(kind, op, what, { path, cause })
  const step = async <T>(op: string, what: string, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      const [kind, reason] =
        error instanceof StoreError ? [error.kind, error.reason] : ['corrupt' as const, messageOf(error)]
      throw fail(op, `${what}: ${reason}`, kind, error)
    }
  }

  await step('put', 'the store cannot be written to', dataset.store.put(path, bufferSource(content), call))
  try {
    const reading = readSmall(dataset.store, path, content.length, call)
    const found = await step('get', 'what was just written cannot be read', reading)
    if (!found.equals(content)) throw fail('get', 'what was just written reads differently', 'corrupt')
  } catch (error) {
    await dataset.store.remove(path).catch(() => {}) // the first error counts
    throw error
  }
  await step('remove', 'what was just written cannot be removed', dataset.store.remove(path, call))
  if ((await step('stat', 'what was just removed cannot be looked up', dataset.store.stat(path, call))) === undefined)
    return
  throw fail('remove', 'what was just removed is still there', 'corrupt')
}
