import { isStoreError, messageOf, StoreError } from '../core/errors.ts'
import { type Bytes, collect } from '../core/source.ts'
import type { GetOptions, Store } from './store.ts'

/**
 * Reads a small file, or a range of one, into memory. Throws what `get` does, and `corrupt` when
 * there are more than `limit` bytes: none of our files has, so it is no file that we know.
 */
export async function readSmall(store: Store, path: string, limit: number, options: GetOptions = {}): Promise<Buffer> {
  let content: Buffer = Buffer.alloc(0)
  const consume = async (bytes: Bytes) => {
    content = await collect(bytes, limit)
  }
  try {
    await store.get(path, consume, options)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const where = `${store.traits.root}/${path}`
    throw new StoreError({ kind: 'corrupt', op: 'get', where, message: messageOf(error), cause: error })
  }
  return content
}

/** The same; undefined when there is no such file. */
export async function findSmall(...args: Parameters<typeof readSmall>): Promise<Buffer | undefined> {
  try {
    return await readSmall(...args)
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
    return undefined
  }
}
