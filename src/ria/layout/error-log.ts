import { randomBytes } from 'node:crypto'
import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import type { Store } from '../../store/store.ts'

/** Where ORA has the log of a dataset's storage sibling; the directory belongs to the store. */
const DIRECTORY = 'error_logs'

/**
 * Writes an event into the error log of a dataset's storage sibling, one file for all; where
 * nothing can be added to a file, each event is a file of its own, in a directory of that name:
 * `error_logs/<id>.<annex uuid>.log/<time>-<random>.log`. Throws StoreError.
 */
export async function writeErrorLog(store: Store, id: string, annexUuid: string, text: string): Promise<void> {
  const time = new Date().toISOString()
  const path = `${DIRECTORY}/${id}.${annexUuid}.log`
  const content = Buffer.from(`${time}: Error:\n${text}\n`)
  try {
    await store.append(path, content)
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    const name = `${time.replaceAll(':', '')}-${randomBytes(6).toString('hex')}.log`
    await store.put(`${path}/${name}`, bufferSource(content))
  }
}
