import { abortedError } from '../../core/abort.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import { Calls } from '../common/calls.ts'
import type { Keeping, OldVersions } from '../keeping.ts'
import type {
  CallOptions,
  Child,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  GetSmallOptions,
  MoveOptions,
  PutOptions,
  RemoveOptions,
  SmallFile,
  Stat,
  Store,
  StoreTraits,
  Thaw,
  ThawOptions,
} from '../store.ts'
import { type S3Call, S3Calls } from './calls.ts'
import type { S3Settings } from './client.ts'
import { copyObject } from './copy.ts'
import { getObject } from './get.ts'
import { readKeeping } from './kept/keeping.ts'
import { removeOldVersions } from './kept/old-versions.ts'
import { listChildren, listObjects } from './list.ts'
import { PARALLEL_PARTS, PartBuffers } from './part-buffers.ts'
import { putObject } from './put.ts'
import { removeObject, removeObjects } from './remove.ts'
import { thawObject } from './restore.ts'
import { statObject } from './stat.ts'

/**
 * A store in a bucket of an S3 server. Connects at the first call. Throws ConfigError when the
 * endpoint is of no use.
 */
export function openS3Store(settings: S3Settings): Store {
  const { endpoint } = settings
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new ConfigError('the S3 endpoint is no http or https URL')
  }
  return new S3Store(settings)
}

class S3Store implements Store {
  readonly traits: StoreTraits
  readonly #settings: S3Settings
  readonly #s3: S3Calls
  readonly #calls = new Calls()
  readonly #buffers = new PartBuffers()

  constructor(settings: S3Settings) {
    this.#settings = settings
    this.#s3 = new S3Calls(settings)
    this.traits = {
      root: this.#s3.root,
      local: false,
      writable: true,
      rangeReads: true,
      putIfAbsent: 'atomic',
      conditionalPuts: true,
      maxInFlight: 16,
      looksTogether: false,
      exec: false,
      moveCopies: true,
      flat: true,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#run('stat', path, options, (call, key) => statObject(this.#s3, call, key))
  }

  async statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const found: (Stat | undefined)[] = []
    for (const path of paths) {
      found.push(await this.stat(path, options))
      options.onProgress?.(0)
    }
    return found
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const where = this.#s3.where(path)
    return this.#calls.runGet(where, options.signal, async ({ signal }) => {
      const key = this.#s3.key('get', path)
      const { parallelParts: parallel = PARALLEL_PARTS, restore } = this.#settings
      const settings = { parallel, restore, memory: this.#buffers }
      await getObject(this.#s3, { op: 'get', where, signal }, key, consume, options, settings)
    })
  }

  async getSmall(files: readonly SmallFile[], options: GetSmallOptions): Promise<void> {
    const [first] = files
    if (first === undefined) return
    await this.#run('get', first.path, options, (call) => this.#s3.getSmall(call, files, options))
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    const { endpoint, partBytes, parallelParts: parallel = PARALLEL_PARTS } = this.#settings
    const { unsignedPayload: unsigned = endpoint.startsWith('https:') } = this.#settings
    const settings = { partBytes, parallel, unsigned, object: this.#settings, buffers: this.#buffers }
    return this.#run('put', path, options, (call, key) => putObject(this.#s3, call, key, source, options, settings))
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#run('remove', path, options, (call, key) => removeObject(this.#s3, call, key))
  }

  removeAll(paths: readonly string[], options: CallOptions = {}): Promise<void> {
    const [first] = paths
    if (first === undefined) return Promise.resolve()
    return this.#run('remove', first, options, async (call) => {
      const keys = paths.map((path) => this.#s3.key('remove', path))
      await removeObjects(this.#s3, call, keys, options)
    })
  }

  thaw(path: string, options: ThawOptions = {}): Promise<Thaw | undefined> {
    return this.#run('thaw', path, options, (call, key) => thawObject(this.#s3, call, key, options.ask))
  }

  keeping(options: CallOptions = {}): Promise<Keeping> {
    const where = this.#s3.root
    return this.#calls.run('look at', where, options.signal, ({ signal }) =>
      readKeeping(this.#s3, { op: 'look at', where, signal }),
    )
  }

  removeOld(directory: string, options: CallOptions = {}): Promise<OldVersions> {
    const where = this.#s3.where(directory)
    return this.#calls.run('remove', where, options.signal, ({ signal }) => {
      const call = { op: 'remove', where, signal, mayChange: options.mayChange }
      return removeOldVersions(this.#s3, call, this.#s3.keyPrefix(directory), options)
    })
  }

  list(directory: string, options: CallOptions = {}): AsyncGenerator<Entry> {
    return this.#list(directory, options, (call) => listObjects(this.#s3, call, directory))
  }

  children(directory: string, options: CallOptions = {}): AsyncGenerator<Child> {
    return this.#list(directory, options, (call) => listChildren(this.#s3, call, directory))
  }

  async *#list<T>(
    directory: string,
    options: CallOptions,
    open: (call: S3Call) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const where = this.#s3.where(directory)
    const call = this.#calls.start('list', where, options.signal)
    try {
      const { signal } = call
      for await (const entry of open({ op: 'list', where, signal })) {
        yield entry
        if (signal.aborted) throw abortedError('list', where, signal)
      }
    } finally {
      call.end()
    }
  }

  append(path: string, _content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#run('append', path, options, () => {
      throw this.#cannot('append', path, 'S3 cannot append to a file')
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#run('move', from, options, async (call, key) => {
      const target = this.#s3.key('move', to)
      await copyObject(this.#s3, call, key, target, options, this.#settings)
      if (target !== key) await removeObject(this.#s3, call, key)
    })
  }

  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#calls.run('space', this.#s3.where(directory), options.signal, async () => undefined)
  }

  exec(_command: readonly string[], { cwd }: ExecOptions): Promise<ExecResult> {
    return Promise.reject(this.#cannot('exec', cwd, 'S3 runs no programs'))
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#buffers.clear()
    await this.#s3.close()
  }

  #run<T>(op: string, path: string, options: CallOptions, work: (call: S3Call, key: string) => Promise<T>): Promise<T> {
    const where = this.#s3.where(path)
    const { onSilence, mayChange } = options
    return this.#calls.run(op, where, options.signal, async ({ signal }) =>
      work({ op, where, signal, onSilence, mayChange }, this.#s3.key(op, path)),
    )
  }

  #cannot(op: string, path: string, message: string): StoreError {
    return new StoreError({ kind: 'unsupported', op, where: this.#s3.where(path), message, sent: 'no' })
  }
}
