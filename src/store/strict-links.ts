import type { Store } from './store.ts'

/**
 * The same store, for work in which whatever is read will be packed, removed or given to others: no
 * symbolic link is followed for reading that would not be followed for a change.
 */
export function withStrictLinks(store: Store): Store {
  const strict = { strictLinks: true }
  return {
    get traits() {
      return store.traits
    },
    stat: (path, options) => store.stat(path, { ...options, ...strict }),
    statAll: (paths, options) => store.statAll(paths, { ...options, ...strict }),
    get: (path, consume, options) => store.get(path, consume, { ...options, ...strict }),
    list: (directory, options) => store.list(directory, { ...options, ...strict }),
    put: (...all) => store.put(...all),
    remove: (...all) => store.remove(...all),
    removeAll: store.removeAll && (async (...all) => store.removeAll?.(...all)),
    append: (...all) => store.append(...all),
    move: (...all) => store.move(...all),
    freeBytes: (...all) => store.freeBytes(...all),
    exec: (...all) => store.exec(...all),
    close: () => store.close(),
  }
}
