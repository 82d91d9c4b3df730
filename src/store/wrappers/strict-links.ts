import type { CallOptions, Store } from '../store.ts'
import { around, type Call } from './around.ts'

/**
 * The same store, for work in which whatever is read will be packed, removed or given to others: no
 * symbolic link is followed for reading that would not be followed for a change.
 */
export function withStrictLinks(store: Store): Store {
  const strict = { strictLinks: true }
  return around(store, {
    // Of a call's options only those of `exec` must be there, and they are.
    call: <T, O extends CallOptions>(_call: Call, options: O | undefined, work: (options: O) => Promise<T>) =>
      work({ ...options, ...strict } as O),
    get: (path, consume, options) => store.get(path, consume, { ...options, ...strict }),
    list: <T, O extends CallOptions>(
      _directory: string,
      options: O | undefined,
      open: (options: O) => AsyncIterable<T>,
    ) => open({ ...options, ...strict } as O),
  })
}
