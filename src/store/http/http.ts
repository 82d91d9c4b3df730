import { StoreError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { Calls } from '../common/calls.ts'
import type {
  CallOptions,
  Child,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  Stat,
  Store,
  StoreTraits,
} from '../store.ts'
import { FileLooks } from './look.ts'
import { FileReads } from './read.ts'
import { failure } from './refusals.ts'
import { parseRoot } from './root.ts'
import { WebServer } from './server.ts'

export interface HttpSettings {
  /** `http[s]://[user:password@]host[:port][/path]`, the store's root. */
  readonly url: string
  readonly git?: GitConfig | undefined
}

/**
 * A store that any web server shows, to be read only. Throws ConfigError when the URL is of no use.
 */
export function openHttpStore(settings: HttpSettings): Store {
  return new HttpStore(new WebServer(parseRoot(settings.url), settings.git))
}

class HttpStore implements Store {
  readonly traits: StoreTraits
  readonly #server: WebServer
  readonly #calls = new Calls()
  readonly #looks: FileLooks
  readonly #reads: FileReads

  constructor(server: WebServer) {
    this.#server = server
    this.#looks = new FileLooks(server, (...head) => this.#reads.readHead(...head))
    this.#reads = new FileReads(server, this.#looks)
    this.traits = {
      root: server.root,
      local: false,
      writable: false,
      rangeReads: true,
      putIfAbsent: 'none',
      maxInFlight: 16,
      looksTogether: false,
      exec: false,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    const url = this.#server.url(path)
    return this.#calls.run('stat', url, options.signal, (call) => this.#looks.statProven('stat', path, call.signal))
  }

  async statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const found: (Stat | undefined)[] = []
    for (const path of paths) found.push(await this.stat(path, options))
    return found
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const url = this.#server.url(path)
    return this.#calls.runGet(url, options.signal, (call) => this.#reads.get(path, consume, options, call.signal))
  }

  put(path: string): Promise<Stat> {
    return Promise.reject(this.#readOnly('put', path))
  }

  remove(path: string): Promise<void> {
    return Promise.reject(this.#readOnly('remove', path))
  }

  append(path: string): Promise<void> {
    return Promise.reject(this.#readOnly('append', path))
  }

  move(from: string): Promise<void> {
    return Promise.reject(this.#readOnly('move', from))
  }

  async freeBytes(): Promise<undefined> {
    return undefined
  }

  exec(_command: readonly string[], { cwd }: ExecOptions): Promise<ExecResult> {
    return Promise.reject(failure('unsupported', 'exec', this.#server.url(cwd), 'a web server runs no programs for us'))
  }

  list(directory: string): AsyncGenerator<Entry> {
    return this.#listsNothing(directory)
  }

  children(directory: string): AsyncGenerator<Child> {
    return this.#listsNothing(directory)
  }

  // biome-ignore lint/correctness/useYield: there is nothing to give
  async *#listsNothing<T>(directory: string): AsyncGenerator<T> {
    const message = 'a web server does not list its files'
    throw new StoreError({ kind: 'unsupported', op: 'list', where: this.#server.url(directory), message, sent: 'no' })
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#server.close()
  }

  #readOnly(op: string, path: string): StoreError {
    const message = 'a store behind http is read-only'
    return new StoreError({ kind: 'unsupported', op, where: this.#server.url(path), message, sent: 'no' })
  }
}
