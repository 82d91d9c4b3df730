import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { LAYOUT_FILE } from './paths.ts'

const NO_STORE = 'there is no RIA store'

/** What is said where the layout file of a store cannot be read, since it is not there. */
export const STORE_GONE = 'the RIA store is not there'

/** What is said where one was to be used, and could be made. */
export const NONE_YET = 'there is no store'

/** The error of whoever was sent to a place where there is no store. */
export function noStore(store: Store): StoreError {
  const message = `${NO_STORE}: no ${LAYOUT_FILE}`
  return new StoreError({ kind: 'missing', op: 'find', where: store.traits.root, message })
}

/** Whether an error says that there is no store, and not that something in one is missing. */
export function isNoStore(error: unknown): boolean {
  return (
    isStoreError(error, 'missing') && [NO_STORE, STORE_GONE, NONE_YET].some((words) => error.reason.startsWith(words))
  )
}
