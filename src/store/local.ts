import type * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '../core/errors.ts'
import { type Files, filesFor, type OpenDirectory, patientFiles, readDescriptor, writeFully } from '../core/files.ts'
import type { Source } from '../core/source.ts'
import { decode, toFsPath } from '../core/text.ts'
import { type Call, Calls } from './calls.ts'
import { type MakeOptions, makeParents, parentOf, withWritable } from './local-directories.ts'
import { isAbsent, localError } from './local-errors.ts'
import { execHere } from './local-exec.ts'
import { freeLocalBytes, moveLocal } from './local-move.ts'
import { putLocal, removeQuietly } from './local-put.ts'
import { ConsumerFailure, checkRange, readExactly } from './read.ts'
import { FILE_MODE, sharedFileMode } from './sharing.ts'
import type {
  CallOptions,
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

export interface LocalSettings {
  /** Absolute path of the store's root. It need not exist. */
  readonly root: string
}

/** A store in a directory of this machine, on a disk or a mounted network file system. */
export function openLocalStore(settings: LocalSettings): Store {
  return new LocalStore(settings.root.replace(/\/+$/, ''))
}

class LocalStore implements Store {
  readonly traits: StoreTraits
  readonly #root: string
  readonly #temporary = new Set<string>()
  #files: Files | undefined
  #choosing: Promise<Files> | undefined
  readonly #known = new Set<string>()
  readonly #calls = new Calls()

  constructor(root: string) {
    this.#root = root
    this.traits = {
      root: root || '/',
      local: true,
      writable: true,
      rangeReads: true,
      putIfAbsent: 'atomic',
      maxInFlight: 32,
      looksTogether: false,
      exec: true,
    }
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#run('stat', path, options, look)
  }

  statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const [first = ''] = paths
    return this.#run('stat', first, options, async (files) => {
      const found: (Stat | undefined)[] = []
      for (const path of paths) {
        const file = this.#file(path)
        try {
          found.push(await look(files, file))
        } catch (error) {
          throw localError(error, 'stat', file)
        }
      }
      return found
    })
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const file = this.#file(path)
    return this.#calls.runGet(file, options.signal, ({ signal }) =>
      this.#work('get', file, (files) => getLocal(files, file, consume, { ...options, signal })),
    )
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    return this.#run('put', path, options, async (files, file, { signal }) => {
      const directory = options.temporary === undefined ? parentOf(file) : this.#file(options.temporary)
      const settings = { ...this.#absolute(options), signal }
      return toStat(await putLocal(files, file, directory, source, settings, this.#temporary))
    })
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#run('remove', path, options, async (files, file) => {
      const directory = parentOf(file)
      try {
        await withWritable(files, directory, () => {
          options.mayChange?.()
          return files.unlink(toFsPath(file))
        })
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
      await this.#prune(files, directory, options.pruneParents)
    })
  }

  /** Removes a directory, and up to `count` - 1 above it, as long as they are empty. */
  async #prune(files: Files, from: string, count = 0): Promise<void> {
    let directory = from
    for (let n = count; n > 0 && directory.length > this.#root.length; n--) {
      const child = directory
      directory = parentOf(child)
      try {
        await withWritable(files, directory, () => files.rmdir(toFsPath(child)))
        this.#known.delete(child)
      } catch {
        return // not empty, or not ours to remove: the file is gone, that was asked
      }
    }
  }

  async *list(directory: string, options: CallOptions = {}): AsyncIterable<Entry> {
    const pending = [directory]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const path = next
      const opened = await this.#run('list', path, options, openToList)
      if (opened === undefined) continue
      try {
        for (let ended = false; !ended; ) {
          const part = await this.#run('list', path, options, (files) => readPart(files, opened, path, this.#root))
          pending.push(...part.directories)
          yield* part.entries
          ended = part.ended
        }
      } finally {
        await opened.close()
      }
    }
  }

  append(path: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#run('append', path, options, async (files, file) => {
      await makeParents(files, file, this.#absolute(options))
      const fd = await files.open(toFsPath(file), 'a', FILE_MODE | 0o222)
      try {
        await writeFully(files, fd, content, 0)
        if (options.sharing) await this.#share(files, fd, options.sharing)
      } finally {
        await files.close(fd)
      }
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#run('move', from, options, async (files, file) => {
      if (options.within !== undefined) await makeParents(files, this.#file(to), this.#absolute(options))
      await moveLocal(files, file, this.#file(to), options)
      await this.#prune(files, parentOf(file), options.pruneParents)
    })
  }

  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#run('space', directory, options, (_files, file) => freeLocalBytes(file))
  }

  exec(command: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return this.#run('exec', options.cwd, options, (_files, cwd, { signal }) =>
      execHere(command, { ...options, cwd, signal }),
    )
  }

  async close(): Promise<void> {
    this.#calls.close()
    await Promise.all([...this.#temporary].map((file) => removeQuietly(patientFiles, file)))
  }

  async #share(files: Files, fd: number, sharing: NonNullable<PutOptions['sharing']>): Promise<void> {
    try {
      const { mode } = await files.fstat(fd)
      await files.fchmod(fd, sharedFileMode(mode, sharing) & 0o7777)
    } catch {} // another user's file: they shared it
  }

  #absolute<O extends Pick<MoveOptions, 'within'>>(options: O): O & MakeOptions {
    const within = options.within === undefined ? undefined : this.#file(options.within)
    return { ...options, within, known: this.#known }
  }

  #file(path: string): string {
    return path === '' ? this.#root || '/' : `${this.#root}/${path}`
  }

  #run<T>(
    op: string,
    path: string,
    options: CallOptions,
    work: (files: Files, file: string, call: Call) => Promise<T>,
  ): Promise<T> {
    const file = this.#file(path)
    return this.#calls.run(op, file, options.signal, (call) => this.#work(op, file, (files) => work(files, file, call)))
  }

  async #work<T>(op: string, file: string, work: (files: Files) => Promise<T>): Promise<T> {
    if (file.includes('\0')) {
      throw new StoreError({ kind: 'unsupported', op, where: file, message: 'a NUL in the name', sent: 'no' })
    }
    try {
      if (this.#files === undefined) {
        this.#choosing ??= filesFor(toFsPath(this.#root))
        this.#files = await this.#choosing
      }
      return await work(this.#files)
    } catch (error) {
      throw error instanceof ConsumerFailure ? error : localError(error, op, file)
    }
  }
}

async function look(files: Files, file: string): Promise<Stat | undefined> {
  const stats = await files.lookUp(toFsPath(file))
  return stats === undefined || stats.isDirectory() ? undefined : toStat(stats)
}

async function getLocal(files: Files, file: string, consume: Consumer, options: GetOptions): Promise<void> {
  const fd = await files.open(toFsPath(file), 'r')
  try {
    const stats = await files.fstat(fd)
    if (stats.isDirectory())
      throw new StoreError({ kind: 'missing', op: 'get', where: file, message: 'is a directory' })
    const stat = toStat(stats)
    const { start, end } = checkRange(file, stat, options)
    const bytes = readDescriptor(files, fd, start, end, options.signal)
    await readExactly(file, bytes, end - start, stat, consume, options)
  } finally {
    await files.close(fd)
  }
}

/** Undefined when there is no such directory. */
async function openToList(files: Files, file: string): Promise<OpenDirectory | undefined> {
  try {
    return await files.openDirectory(toFsPath(file))
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** So many names are read in one call. */
const PART_ENTRIES = 256

/** Reads on in a directory; `path` is the directory's, from the root. */
async function readPart(files: Files, opened: OpenDirectory, path: string, root: string) {
  const entries: Entry[] = []
  const directories: string[] = []
  await nextTurn() // on a disk of this machine nothing else here lets others go on
  for (let n = 0; n < PART_ENTRIES; n++) {
    const found = await opened.read()
    if (found === null) return { entries, directories, ended: true }
    const below = path === '' ? decode(found.name) : `${path}/${decode(found.name)}`
    if (found.isDirectory()) directories.push(below)
    else {
      const stats = await files.lookUp(toFsPath(`${root}/${below}`))
      if (stats?.isFile()) entries.push({ path: below, ...toStat(stats) })
    }
  }
  return { entries, directories, ended: false }
}

function toStat(stats: fs.Stats): Stat {
  return { size: stats.size, mtimeMs: stats.mtimeMs, identity: `${stats.size}-${stats.mtimeMs}-${stats.ino}` }
}
