import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import { Calls } from '../common/calls.ts'
import { drop } from '../common/http-client.ts'
import { isAbsentStatus } from '../common/http-status.ts'
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
} from '../store.ts'
import { DavDirectories } from './directories.ts'
import { getFile } from './get.ts'
import { listChildren, listFiles } from './list.ts'
import { moveFile } from './move.ts'
import { isTop, parentOf } from './paths.ts'
import { putFile, withDirectory } from './put.ts'
import { type DavCall, DavRequests } from './requests.ts'
import type { DavSettings } from './root.ts'

/** A store behind a WebDAV server. Connects at the first call. Throws ConfigError for a bad URL. */
export function openDavStore(settings: DavSettings): Store {
  return new DavStore(settings)
}

class DavStore implements Store {
  readonly traits: StoreTraits
  readonly #requests: DavRequests
  readonly #directories: DavDirectories
  readonly #calls = new Calls()

  constructor(settings: DavSettings) {
    this.#requests = new DavRequests(settings)
    this.#directories = new DavDirectories(this.#requests)
    this.traits = {
      root: this.#requests.root,
      local: false,
      writable: true,
      rangeReads: true,
      putIfAbsent: 'atomic',
      conditionalPuts: true,
      maxInFlight: 8,
      looksTogether: false,
      exec: false,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#run('stat', path, options, (call, url) => this.#requests.stat(call, url))
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
    const where = this.#where(path)
    return this.#calls.runGet(where, options.signal, async ({ signal }) => {
      const url = this.#requests.url('get', path)
      await getFile(this.#requests, { op: 'get', where, signal }, url, consume, options)
    })
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    return this.#run('put', path, options, (call, file) => {
      const temporary = options.temporary === undefined ? undefined : this.#requests.url('put', options.temporary)
      const put = { file, temporary, within: this.#within(options), source, options }
      return putFile(this.#requests, this.#directories, call, put)
    })
  }

  /**
   * WebDAV removes a directory with all that is in it, and cannot be told to do so only if that is
   * nothing: directories stay.
   */
  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#run('remove', path, options, async (call, url) => {
      const found = await this.#requests.look(call, url)
      if (found === undefined || found.isCollection) return
      options.mayChange?.()
      const answer = await this.#requests.send(call, url, { method: 'DELETE' })
      await drop(answer)
      if (answer.status > 299 && !isAbsentStatus(answer.status)) throw this.#requests.failed(call, answer)
      // A status for each part says that something stayed (RFC 4918, section 9.6.1).
      if (answer.status === 207) throw this.#requests.refusal(call, 'did not remove it')
    })
  }

  append(path: string, _content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#run('append', path, options, () => {
      throw this.#cannot('append', path, 'WebDAV cannot append to a file')
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#run('move', from, options, async (call, url) => {
      const target = this.#requests.url('move', to)
      if ((await this.#requests.stat(call, url)) === undefined) {
        throw new StoreError({ kind: 'missing', op: 'move', where: call.where, message: 'no such file', sent: 'no' })
      }
      // A server refuses that (RFC 4918, section 9.9.4), though there is nothing to do.
      if (target === url) return
      const rename = () => moveFile(this.#requests, call, url, target, { ifAbsent: false })
      if (options.within === undefined) return rename()
      const within = this.#requests.url('move', options.within)
      await withDirectory(this.#directories, call, parentOf(target), within, rename)
    })
  }

  /** What the nearest directory that is there has left of its quota (RFC 4331). */
  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#run('space', directory, options, async (call, asked) => {
      let url = asked
      let found = await this.#requests.look(call, url)
      while (found === undefined && !isTop(url)) {
        url = parentOf(url)
        found = await this.#requests.look(call, url)
      }
      const { availableBytes = '' } = found ?? {}
      return /^\d+$/.test(availableBytes) ? Number(availableBytes) : undefined // negative: it does not know
    })
  }

  exec(_command: readonly string[], { cwd }: ExecOptions): Promise<ExecResult> {
    return Promise.reject(this.#cannot('exec', cwd, 'a WebDAV server runs no programs for us'))
  }

  list(directory: string, options: CallOptions = {}): AsyncGenerator<Entry> {
    return this.#list(directory, options, (call) => listFiles(this.#requests, call, directory))
  }

  children(directory: string, options: CallOptions = {}): AsyncGenerator<Child> {
    return this.#list(directory, options, (call) => listChildren(this.#requests, call, directory))
  }

  async *#list<T>(
    directory: string,
    options: CallOptions,
    open: (call: DavCall) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const where = this.#where(directory)
    const call = this.#calls.start('list', where, options.signal)
    try {
      const { signal } = call
      for await (const entry of open({ op: 'list', where, signal, onProgress: options.onProgress })) {
        yield entry
        if (signal.aborted) throw abortedError('list', where, signal)
      }
    } finally {
      call.end()
    }
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#requests.close()
  }

  #within({ within = '' }: PutOptions): string | undefined {
    return within === '' ? undefined : this.#requests.url('put', within)
  }

  #run<T>(
    op: string,
    path: string,
    options: CallOptions,
    work: (call: DavCall, url: string) => Promise<T>,
  ): Promise<T> {
    const where = this.#where(path)
    return this.#calls.run(op, where, options.signal, async ({ signal }) => {
      const { onProgress, mayChange } = options
      return work({ op, where, signal, onProgress, mayChange }, this.#requests.url(op, path))
    })
  }

  #where(path: string): string {
    return path === '' ? this.traits.root : `${this.traits.root}/${path}`
  }

  #cannot(op: string, path: string, message: string): StoreError {
    return new StoreError({ kind: 'unsupported', op, where: this.#where(path), message, sent: 'no' })
  }
}
