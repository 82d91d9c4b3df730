import { isStoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/**
 * Renames a directory with all that is in it, in one step, where a program can be run that does so
 * (with its modes, owners and links). False, and nothing has changed, where that cannot be.
 */
export async function renameDirectory(store: Store, from: string, to: string, call: CallOptions): Promise<boolean> {
  if (!store.traits.exec) return false
  try {
    const { code } = await store.exec(['mv', '-T', '-n', '--', from, to], { ...call, cwd: '' })
    if (code !== 0) return false
    return (await store.exec(['test', '-e', from], { ...call, cwd: '' })).code !== 0
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return false
  }
}
