import { createHash } from 'node:crypto'
import type { CallOptions, Store } from '../../store/store.ts'

const ID_BYTES = 20

/**
 * Whether a file ends with the SHA-1 of all that is before it, as packs, their indices and all that
 * is made out of these do (gitformat-pack(5)). Throws StoreError when it cannot be read.
 */
export async function hasTrailer(store: Store, path: string, call: CallOptions): Promise<boolean> {
  let isGood = false
  await store.get(
    path,
    async (bytes) => {
      const hash = createHash('sha1')
      let end = Buffer.alloc(0)
      for await (const chunk of bytes) {
        const all = Buffer.concat([end, chunk])
        const cut = Math.max(0, all.length - ID_BYTES)
        hash.update(all.subarray(0, cut))
        end = Buffer.from(all.subarray(cut))
      }
      isGood = hash.digest().equals(end)
    },
    call,
  )
  return isGood
}
