import { isStoreError, StoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { findFault, forgetAtomicPuts, requireAtomicPuts, unsafe } from '../../ria/layout/atomic-puts.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Memory } from './remembered.ts'

/** So long it is believed that a server does what it did. ms. */
const BELIEVED_MS = 7 * 24 * 3_600_000

const CONTENT = 'riastore tries here whether a second file of one name is refused. It can be removed.\n'

/**
 * Sees to it that the store refuses a second file of one name: without that, of two who push at
 * once one loses their push, and nobody is told. Throws `unsupported`.
 */
export async function requirePutIfAbsent(
  dataset: StoredDataset,
  memory: Memory,
  call: CallOptions = {},
): Promise<void> {
  const { refusedMs = 0 } = await memory.load()
  const age = Date.now() - refusedMs
  if (age >= 0 && age < BELIEVED_MS) return
  const path = dataset.path('riastore/put-if-absent')
  for (let tries = 0; tries < 2; tries++) {
    try {
      await dataset.store.put(path, bufferSource(CONTENT), { ...call, ifAbsent: true })
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      // Not one after the other: but several at once?
      await requireAtomicPuts(dataset, 'push', call)
      return memory.save({ refusedMs: Date.now() })
    }
  }
  const message =
    'nothing was pushed: the server replaces what it was asked to keep (it ignores If-None-Match), so of two who push at once one would lose their push'
  throw dataset.error('unsupported', 'push', message)
}

/**
 * A push that was done is not there any more: gives the error for it, by the name of what has
 * replaced it. It came too late, or the server let two have the same generation, which a race finds
 * out.
 */
export async function whyLost(
  dataset: StoredDataset,
  memory: Memory,
  error: StoreError,
  call: CallOptions = {},
): Promise<StoreError> {
  await memory.save({ refusedMs: 0 })
  const fault = await findFault(dataset, call).catch(() => undefined)
  if (fault === undefined) return error
  await forgetAtomicPuts(dataset.store)
  const { op, where } = error
  const message = `the push was replaced by that of somebody else, and is lost: ${unsafe(fault)}`
  return new StoreError({ kind: 'corrupt', op, where, message, cause: error })
}
