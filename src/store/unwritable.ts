import { isStoreError, StoreError } from '../core/errors.ts'
import type { Store } from './store.ts'

/** These only look. */
const READING = /^(get|stat|list|find|show)$/

/**
 * Says of a place in which something was to be made what has to be asked there, in the same words
 * for every command. Returns what was caught where it is something else than not being allowed to
 * write. `missing`: a backend says so where a directory could not be made. `directory` is the
 * place, from the store's root.
 */
export function unwritable(store: Store, error: unknown, directory = ''): unknown {
  if (!isStoreError(error, 'denied', 'missing') || READING.test(error.op)) return error
  const why = error.kind === 'missing' ? 'a directory could not be made' : reasonOf(error)
  if (why === undefined) return error // a server that has more to say: which bucket, which account
  const where = directory === '' ? store.traits.root : `${store.traits.root}/${directory}`
  const message = `nothing can be written there (${why}): may we write in it or, where it is not there yet, in the directory above?`
  return new StoreError({ kind: 'denied', op: 'write to', where, message, sent: 'no', cause: error })
}

/** What the system says, without the file that it was tried with. */
function reasonOf({ reason }: StoreError): string | undefined {
  return /permission denied|read-only file system|operation not permitted/i.exec(reason)?.[0].toLowerCase()
}
