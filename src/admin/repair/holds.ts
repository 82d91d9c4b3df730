import { createHash } from 'node:crypto'
import type { Source } from '../../core/source.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/**
 * Reads a file back, and tells whether it is, byte for byte, what was to be stored. Throws
 * StoreError when it cannot be read.
 */
export async function holds(store: Store, path: string, source: Source, call: CallOptions): Promise<boolean> {
  const wanted = createHash('sha256')
  for await (const chunk of source.open(call.signal)) wanted.update(chunk)
  let found: Buffer | undefined
  await store.get(
    path,
    async (bytes) => {
      const hash = createHash('sha256')
      for await (const chunk of bytes) hash.update(chunk)
      found = hash.digest()
    },
    call,
  )
  return found?.equals(wanted.digest()) === true
}
