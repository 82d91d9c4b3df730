import { createHash } from 'node:crypto'
import { createInflate } from 'node:zlib'
import type { CallOptions, Store } from '../../store/store.ts'

/** Where git keeps an object as a file of its own, below the repository. */
export function loosePlace(id: string): string {
  return `objects/${id.slice(0, 2)}/${id.slice(2)}`
}

/**
 * Whether an object that git keeps as a file of its own is what its id says, and nothing lies
 * behind it; however large it is. Throws StoreError when it cannot be read.
 */
export async function isWholeLoose(store: Store, path: string, id: string, call: CallOptions): Promise<boolean> {
  let isWhole = false
  await store.get(
    path,
    async (bytes, { size }) => {
      const hash = createHash('sha1')
      const inflate = createInflate()
      const closed = new Promise<void>((resolve) => inflate.once('close', resolve))
      inflate.on('data', (chunk: Buffer) => hash.update(chunk))
      inflate.on('error', () => {}) // `closed` comes after it
      try {
        // Damage is no reason to stop: a get whose consumer stops early fails.
        for await (const chunk of bytes) {
          if (inflate.destroyed || inflate.write(Buffer.from(chunk))) continue
          await Promise.race([closed, new Promise((resolve) => inflate.once('drain', resolve))])
        }
        if (!inflate.destroyed) inflate.end()
        await closed
      } finally {
        inflate.destroy()
      }
      isWhole = inflate.errored === null && inflate.bytesWritten === size && hash.digest('hex') === id
    },
    call,
  )
  return isWhole
}
