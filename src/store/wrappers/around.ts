import type { Source } from '../../core/source.ts'
import type { CallOptions, Consumer, GetOptions, PutOptions, Store } from '../store.ts'

/** A call of a store, as the wrappers name it. */
export interface Call {
  readonly op: 'stat' | 'get' | 'put' | 'remove' | 'list' | 'append' | 'move' | 'space' | 'exec' | 'thaw' | 'keeping'
  /**
   * What it is about, relative to the store's root: several of `statAll`, `getSmall`, `removeAll`
   * and `move`.
   */
  readonly paths: readonly string[]
}

/** What a wrapper does to the calls of a store. What it does not name is forwarded as it is. */
export interface Layer {
  /** Calls that wait for nothing need not pass it. Default: they must, so there are none. */
  readonly letsThrough?: boolean
  /**
   * Stands around every call that has no method of its own below. `work` makes the call, with these
   * options or with others; it may be made again, later or not at all.
   */
  call<T, O extends CallOptions>(
    call: Call,
    options: O | undefined,
    work: (options: O | undefined) => Promise<T>,
  ): Promise<T>
  /** Default: `call`. */
  get?(path: string, consume: Consumer, options: GetOptions | undefined): Promise<void>
  /** Default: `call`. */
  put?(path: string, source: Source, options: PutOptions | undefined): ReturnType<Store['put']>
  /**
   * Stands around `list` and `children`; `open` begins the listing, with these options or with
   * others. Default: forwarded, for a list is no single call.
   */
  list?<T, O extends CallOptions>(
    directory: string,
    options: O | undefined,
    open: (options: O | undefined) => AsyncIterable<T>,
  ): AsyncIterable<T>
  /** Default: `call`. */
  exec?: Store['exec']
}

/** A store whose calls pass through a layer: the one table of all methods for every wrapper. */
export function around(store: Store, layer: Layer): Store {
  return {
    get traits() {
      return store.traits
    },
    get atOnce() {
      return layer.letsThrough === true ? store.atOnce : undefined
    },
    stat: (path, options) => layer.call({ op: 'stat', paths: [path] }, options, (given) => store.stat(path, given)),
    statAll: (paths, options) => layer.call({ op: 'stat', paths }, options, (given) => store.statAll(paths, given)),
    get: (path, consume, options) =>
      layer.get === undefined
        ? layer.call({ op: 'get', paths: [path] }, options, (given) => store.get(path, consume, given))
        : layer.get(path, consume, options),
    getSmall:
      store.getSmall &&
      ((files, options) =>
        layer.call({ op: 'get', paths: files.map(({ path }) => path) }, options, async (given = options) =>
          store.getSmall?.(files, given),
        )),
    put: (path, source, options) =>
      layer.put === undefined
        ? layer.call({ op: 'put', paths: [path] }, options, (given) => store.put(path, source, given))
        : layer.put(path, source, options),
    remove: (path, options) =>
      layer.call({ op: 'remove', paths: [path] }, options, (given) => store.remove(path, given)),
    removeAll:
      store.removeAll &&
      ((paths, options) =>
        layer.call({ op: 'remove', paths }, options, async (given) => store.removeAll?.(paths, given))),
    thaw:
      store.thaw &&
      ((path, options) =>
        layer.call({ op: 'thaw', paths: [path] }, options, async (given) => store.thaw?.(path, given))),
    keeping: keepingOf(store, layer),
    removeOld: removeOldOf(store, layer),
    list: (directory, options) => listing(layer, directory, options, (given) => store.list(directory, given)),
    children: (directory, options) => listing(layer, directory, options, (given) => store.children(directory, given)),
    append: (path, content, options) =>
      layer.call({ op: 'append', paths: [path] }, options, (given) => store.append(path, content, given)),
    move: (from, to, options) =>
      layer.call({ op: 'move', paths: [from, to] }, options, (given) => store.move(from, to, given)),
    freeBytes: (directory, options) =>
      layer.call({ op: 'space', paths: [directory] }, options, (given) => store.freeBytes(directory, given)),
    exec: (command, options) =>
      layer.exec === undefined
        ? layer.call({ op: 'exec', paths: [options.cwd] }, options, (given) => store.exec(command, given ?? options))
        : layer.exec(command, options),
    close: () => store.close(),
  }
}

function keepingOf(store: Store, layer: Layer): Store['keeping'] {
  const look = store.keeping?.bind(store)
  return look && ((options) => layer.call({ op: 'keeping', paths: [] }, options, look))
}

function removeOldOf(store: Store, layer: Layer): Store['removeOld'] {
  const remove = store.removeOld?.bind(store)
  return (
    remove &&
    ((directory, options) =>
      layer.call({ op: 'remove', paths: [directory] }, options, (given) => remove(directory, given)))
  )
}

function listing<T, O extends CallOptions>(
  layer: Layer,
  directory: string,
  options: O | undefined,
  open: (options: O | undefined) => AsyncIterable<T>,
): AsyncIterable<T> {
  return layer.list === undefined ? open(options) : layer.list(directory, options, open)
}
