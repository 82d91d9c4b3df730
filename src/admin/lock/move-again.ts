import { isStoreError } from '../../core/errors.ts'
import type { MoveOptions, Store } from '../../store/store.ts'

/** So often a file is renamed whose answer was lost. */
const TRIES = 5

/**
 * Renames, again when the answer got lost. False when there is nothing to be renamed, or no
 * directory to take it.
 */
export async function moveAgain(store: Store, from: string, to: string, options: MoveOptions): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await store.move(from, to, options)
      return true
    } catch (error) {
      if (isStoreError(error, 'missing')) {
        return tries > 1 && (await store.stat(to, { signal: options.signal })) !== undefined
      }
      const isLost = isStoreError(error, 'unreachable', 'transient') && !error.stalled && error.sent === 'maybe'
      if (!isLost || tries === TRIES) throw error
    }
  }
}
