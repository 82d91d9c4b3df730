import { abortedError } from '../core/abort.ts'
import { StoreError, type StoreErrorKind } from '../core/errors.ts'
import type { Bytes, Source } from '../core/source.ts'
import { childrenOf } from './children-of.ts'
import { Calls } from './common/calls.ts'
import { checkedSource } from './common/checked-source.ts'
import { checkRange, readExactly } from './common/read-exactly.ts'
import type {
  CallOptions,
  Child,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  MoveOptions,
  PutOptions,
  RemoveOptions,
  Stat,
  Store,
  StoreTraits,
} from './store.ts'

/** Small, so that a test's file is several chunks. */
const CHUNK_BYTES = 16 * 1024

/**
 * A store in memory: the reference of the contract, and what upper layers are tested on. It is as
 * strict as the contract allows: chunks of a `get` are overwritten as soon as the next one is asked
 * for.
 */
export function openMemoryStore(): Store {
  return new MemoryStore()
}

interface StoredFile {
  readonly content: Buffer
  readonly stat: Stat
}

class MemoryStore implements Store {
  readonly traits: StoreTraits = {
    root: 'memory:',
    local: true,
    writable: true,
    rangeReads: true,
    putIfAbsent: 'atomic',
    maxInFlight: 16,
    looksTogether: true,
    exec: false,
  }
  readonly #files = new Map<string, StoredFile>()
  /** Those that were made, by a file or for one, and not pruned since. */
  readonly #directories = new Set<string>([''])
  readonly #calls = new Calls()
  #version = 0

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#calls.run('stat', where(path), options.signal, async () => this.#files.get(path)?.stat)
  }

  statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const look = async () => paths.map((path) => this.#files.get(path)?.stat)
    return this.#calls.run('stat', where(paths[0] ?? ''), options.signal, look)
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    return this.#calls.runGet(where(path), options.signal, async ({ signal }) => {
      const file = this.#files.get(path)
      if (file === undefined) throw failure('missing', 'get', path, 'no such file')
      const { start, end } = checkRange(where(path), file.stat, options)
      const bytes = chunksOf(file.content.subarray(start, end), path, signal)
      await readExactly(where(path), bytes, end - start, file.stat, consume, options)
    })
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    return this.#calls.run('put', where(path), options.signal, async ({ signal }) => {
      const refuseToReplace = () => {
        if (options.ifAbsent && this.#files.has(path)) throw failure('conflict', 'put', path, 'there is a file already')
      }
      refuseToReplace()
      this.#makeParents('put', path, options.within)
      const chunks: Buffer[] = []
      let length = 0
      for await (const chunk of checkedSource(source, where(path), signal)) {
        chunks.push(Buffer.from(chunk))
        length += chunk.length
        options.onProgress?.(length)
      }
      if (signal.aborted) throw abortedError('put', where(path), signal)
      refuseToReplace() // again: somebody else may have been faster
      this.#makeParents('put', path, options.within)
      options.mayChange?.()
      return this.#replace(path, Buffer.concat(chunks))
    })
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#calls.run('remove', where(path), options.signal, async () => {
      options.mayChange?.()
      this.#files.delete(path)
      this.#prune(path, options.pruneParents)
    })
  }

  async *list(directory: string, options: CallOptions = {}): AsyncIterable<Entry> {
    const prefix = directory === '' ? '' : `${directory}/`
    const call = this.#calls.start('list', where(directory), options.signal)
    try {
      for (const [path, { stat }] of this.#files) {
        if (!path.startsWith(prefix)) continue
        yield { path, ...stat }
        if (call.signal.aborted) throw abortedError('list', where(directory), call.signal)
      }
    } finally {
      call.end()
    }
  }

  children(directory: string, options: CallOptions = {}): AsyncIterable<Child> {
    return childrenOf(directory, this.list(directory, options))
  }

  append(path: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#calls.run('append', where(path), options.signal, async () => {
      const old = this.#files.get(path)?.content ?? Buffer.alloc(0)
      this.#replace(path, Buffer.concat([old, content]))
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#calls.run('move', where(from), options.signal, async () => {
      const file = this.#files.get(from)
      if (file === undefined) throw failure('missing', 'move', from, 'no such file')
      if (options.within !== undefined) this.#makeParents('move', to, options.within)
      else if (!this.#directories.has(parentOf(to))) throw failure('missing', 'move', to, 'no such directory')
      options.mayChange?.()
      this.#files.set(to, file)
      if (to !== from) this.#files.delete(from)
      this.#prune(from, options.pruneParents)
    })
  }

  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#calls.run('space', where(directory), options.signal, async () => undefined)
  }

  exec(_command: readonly string[], { cwd }: ExecOptions): Promise<ExecResult> {
    return Promise.reject(failure('unsupported', 'exec', cwd, 'no program can be run in memory'))
  }

  async close(): Promise<void> {
    this.#calls.close()
  }

  #makeParents(op: string, path: string, within = ''): void {
    const wanted: string[] = []
    for (let above = parentOf(path); above.length > within.length; above = parentOf(above)) wanted.push(above)
    if (!this.#directories.has(within)) throw failure('missing', op, path, 'no such directory')
    for (const directory of wanted) this.#directories.add(directory)
  }

  #prune(path: string, count = 0): void {
    let directory = parentOf(path)
    for (let n = count; n > 0 && directory !== ''; n--) {
      const below = `${directory}/`
      const isInside = (other: string) => other.startsWith(below)
      if ([...this.#files.keys()].some(isInside) || [...this.#directories].some(isInside)) return
      this.#directories.delete(directory)
      directory = parentOf(directory)
    }
  }

  #replace(path: string, content: Buffer): Stat {
    this.#version += 1
    const stat = { size: content.length, mtimeMs: Date.now(), identity: `version ${this.#version}` }
    this.#files.set(path, { content, stat })
    return stat
  }
}

async function* chunksOf(content: Buffer, path: string, signal: AbortSignal): Bytes {
  const buffer = Buffer.alloc(Math.min(content.length, CHUNK_BYTES))
  for (let position = 0; position < content.length; ) {
    if (signal.aborted) throw abortedError('get', where(path), signal)
    const length = content.copy(buffer, 0, position, position + buffer.length)
    position += length
    yield buffer.subarray(0, length)
    buffer.fill(0)
  }
  if (signal.aborted) throw abortedError('get', where(path), signal)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function where(path: string): string {
  return `memory:/${path}`
}

function failure(kind: StoreErrorKind, op: string, path: string, message: string): StoreError {
  return new StoreError({ kind, op, where: where(path), message })
}
