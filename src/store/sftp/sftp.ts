import { abortedError, orAborted } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Source } from '../../core/source.ts'
import { type Call, Calls } from '../common/calls.ts'
import { ConsumerFailure } from '../common/read-exactly.ts'
import { FILE_MODE } from '../sharing.ts'
import { type SshTarget, targetName } from '../ssh/config.ts'
import { connectSftp, type SshProvider } from '../ssh/connect.ts'
import type {
  CallOptions,
  Child,
  Consumer,
  Entry,
  ExecOptions,
  ExecResult,
  GetOptions,
  ListOptions,
  MoveOptions,
  PutOptions,
  RemoveOptions,
  Stat,
  Store,
  StoreTraits,
} from '../store.ts'
import { type Connected, SftpConnection } from './connection.ts'
import { makeParents, shareDirectories, withWritable } from './directories.ts'
import { isNoSuchFile, isUnsupported, sftpError } from './errors.ts'
import { childrenSftp, listSftp } from './list.ts'
import { makeAllowed, putSftp } from './put.ts'
import { getSftp } from './read.ts'
import type { SftpSession } from './session.ts'
import { runByShell } from './shell.ts'
import { toStat } from './stat.ts'
import { type Looked, parentOf, type SftpTree } from './tree.ts'

export interface SftpSettings {
  /** As the user's URL has it, for messages. Default: ssh. */
  readonly scheme?: 'ssh' | 'sftp'
  readonly target: SshTarget
  /** Absolute path of the store's root on the server. */
  readonly root: string
  /** Default `auto`. */
  readonly provider?: SshProvider
  readonly log?: Log | undefined
}

/** A store behind an SSH server, by its SFTP subsystem alone. Connects on first need. */
export function openSftpStore(settings: SftpSettings): Store {
  return new SftpStore(settings)
}

/**
 * Of a server that is so near, waiting for an answer costs less than a request that turns out to be
 * needless. ms.
 */
const NEAR_MS = 2

class SftpStore implements Store {
  readonly traits: StoreTraits
  readonly #root: string
  readonly #connection: SftpConnection
  readonly #calls = new Calls()
  /** Of the quickest look so far. */
  #roundTripMs = Number.POSITIVE_INFINITY

  constructor({ scheme = 'ssh', target, root, provider = 'auto', log }: SftpSettings) {
    this.#root = root.replace(/\/+$/, '')
    this.#connection = new SftpConnection(() => connectSftp(target, provider, log), this.#root)
    const looksTogether = () => this.#roundTripMs > NEAR_MS
    this.traits = {
      root: `${scheme}://${targetName(target)}${this.#root}`,
      local: false,
      writable: true,
      rangeReads: true,
      putIfAbsent: 'atomic',
      maxInFlight: 64,
      get looksTogether() {
        return looksTogether()
      },
      exec: true,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#run('stat', path, options, ({ tree }) => this.#timed(() => this.#look(tree, path, options)))
  }

  statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const [first = ''] = paths
    const looked: Looked = new Map()
    // Sent together; a server answers in order.
    return this.#run('stat', first, options, ({ tree }) =>
      this.#timed(() =>
        Promise.all(
          paths.map((path) =>
            this.#look(tree, path, options, looked).catch((error: unknown) => {
              throw sftpError(error, 'stat', this.#where(path))
            }),
          ),
        ),
      ),
    )
  }

  async #look(tree: SftpTree, path: string, options: CallOptions, looked?: Looked): Promise<Stat | undefined> {
    const access = { op: 'stat', strict: options.strictLinks === true }
    const stats = await tree.file(this.#file(path), access, this.#where(path), looked)
    return stats && toStat(stats)
  }

  async #timed<T>(look: () => Promise<T>): Promise<T> {
    const began = performance.now()
    const found = await look()
    this.#roundTripMs = Math.min(this.#roundTripMs, performance.now() - began)
    return found
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const where = this.#where(path)
    return this.#calls.runGet(where, options.signal, ({ signal }) =>
      this.#work('get', path, signal, (connected, file) =>
        getSftp(connected, file, where, consume, { ...options, signal }),
      ),
    )
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    const temporary = options.temporary === undefined ? undefined : this.#file(options.temporary)
    const within = this.#within(options)
    return this.#run('put', path, options, (connected, file, { signal }) =>
      putSftp(connected, {
        file,
        where: this.#where(path),
        temporary,
        within,
        source,
        options: { ...options, signal },
      }),
    )
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#run('remove', path, options, async ({ session, tree, known }, file) => {
      if (!(await tree.directory(parentOf(file), { op: 'remove', strict: true }))) return
      options.mayChange?.()
      let isAgain = false
      const removed = withWritable(session, parentOf(file), () => {
        if (isAgain) options.mayChange?.()
        isAgain = true
        return session.unlink(file)
      })
      // In one go with the removal: a directory that is not empty stays.
      const pruned = this.#prune(session, known, file, options.pruneParents)
      await removed.catch((error: unknown) => {
        if (!isNoSuchFile(error)) throw error
      })
      await pruned
    })
  }

  /**
   * Sends the removal of the `count` directories above a file, the nearest first; those that are
   * not empty stay. Never rejects.
   */
  async #prune(session: SftpSession, known: Set<string>, file: string, count = 0): Promise<void> {
    const emptied: string[] = []
    let directory = parentOf(file)
    for (let n = count; n > 0 && directory.length > this.#root.length; n--) {
      emptied.push(directory)
      directory = parentOf(directory)
    }
    const pruned = Promise.allSettled(emptied.map((empty) => session.rmdir(empty)))
    for (const empty of emptied) known.delete(empty)
    await pruned
  }

  list(directory: string, options: ListOptions = {}): AsyncIterable<Entry> {
    return listSftp(directory, (path, work) => this.#run('list', path, options, work), options)
  }

  children(directory: string, options: CallOptions = {}): AsyncIterable<Child> {
    return childrenSftp(directory, (path, work) => this.#run('list', path, options, work), options)
  }

  append(path: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#run('append', path, options, async ({ session, tree, known }, file) => {
      const strict = { op: 'append', strict: true }
      await tree.file(file, strict, this.#where(path))
      const directories = { sharing: options.sharing, within: this.#within(options), known }
      const open = () => session.open(file, 'a', { mode: FILE_MODE | 0o222 })
      const handle = await open().catch(async (error: unknown) => {
        if (!isNoSuchFile(error)) throw error
        known.clear()
        await shareDirectories(session, await makeParents(session, file, directories), options.sharing)
        await tree.file(file, strict, this.#where(path))
        return open()
      })
      try {
        for (let at = 0; at < content.length; at += session.dataBytes) {
          await session.write(handle, content.subarray(at, at + session.dataBytes), at)
        }
      } finally {
        await session.closeHandle(handle).catch(() => {})
      }
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#run('move', from, options, async (connected, file) => {
      const { session, tree, known } = connected
      const target = this.#file(to)
      const directories = [...new Set([file, target].map(parentOf))]
      const looking = directories.map((directory) => tree.directory(directory, { op: 'move', strict: true }))
      if (options.within !== undefined) {
        const making = { sharing: options.sharing, within: this.#file(options.within), known }
        await shareDirectories(session, await makeAllowed(connected, target, making), options.sharing)
      }
      await Promise.all(looking)
      const move = () => {
        options.mayChange?.()
        return session.renameOver(file, target)
      }
      await directories.reduce((change, directory) => () => withWritable(session, directory, change), move)()
      await this.#prune(session, known, file, options.pruneParents)
    })
  }

  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#run('space', directory, options, async ({ session }, wanted) => {
      for (let above = wanted; ; above = above.slice(0, above.lastIndexOf('/'))) {
        try {
          return await session.freeBytes(above || '/')
        } catch (error) {
          if (isUnsupported(error)) return undefined
          if (!isNoSuchFile(error) || above === '') throw error
        }
      }
    })
  }

  exec(command: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const where = this.#where(options.cwd)
    return this.#run('exec', options.cwd, options, async ({ session, tree }, cwd, { signal }) => {
      await tree.directory(cwd, { op: 'exec', strict: true })
      return runByShell(session, command, where, { ...options, cwd, signal })
    })
  }

  async close(): Promise<void> {
    this.#calls.close()
    await this.#connection.close(
      new StoreError({ kind: 'aborted', op: 'close', where: this.traits.root, message: 'closed' }),
    )
  }

  #file(path: string): string {
    return path === '' ? this.#root || '/' : `${this.#root}/${path}`
  }

  #where(path: string): string {
    return path === '' ? this.traits.root : `${this.traits.root}/${path}`
  }

  #within(options: Pick<PutOptions, 'within'>): string {
    return options.within === undefined ? '' : this.#file(options.within)
  }

  #run<T>(
    op: string,
    path: string,
    options: CallOptions,
    work: (connected: Connected, file: string, call: Call) => Promise<T>,
  ): Promise<T> {
    return this.#calls.run(op, this.#where(path), options.signal, (call) =>
      this.#work(op, path, call.signal, (connected, file) => work(connected, file, call)),
    )
  }

  async #work<T>(
    op: string,
    path: string,
    signal: AbortSignal,
    work: (connected: Connected, file: string) => Promise<T>,
  ): Promise<T> {
    const where = this.#where(path)
    if (path.includes('\0')) {
      throw new StoreError({ kind: 'unsupported', op, where, message: 'a NUL in the name', sent: 'no' })
    }
    const giveUp = () => this.#giveUp(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await work(await orAborted(this.#connection.get(), op, where, signal), this.#file(path))
    } catch (error) {
      if (error instanceof ConsumerFailure) throw error
      throw signal.aborted ? abortedError(op, where, signal) : sftpError(error, op, where)
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** A connection on which nothing moves is of no more use to anybody. */
  #giveUp(reason: unknown): void {
    if (reason instanceof StoreError && reason.stalled) this.#connection.drop(reason).catch(() => {})
  }
}
