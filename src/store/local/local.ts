import * as fs from 'node:fs'
import { codeOf, StoreError } from '../../core/errors.ts'
import { diskFiles, type Files, filesFor, patientFiles, readDescriptor, writeFully } from '../../core/files.ts'
import type { Source } from '../../core/source.ts'
import { toFsPath } from '../../core/text.ts'
import type { AtOnce } from '../at-once.ts'
import { type Call, Calls } from '../common/calls.ts'
import { type Access, notAFile } from '../common/links.ts'
import { ConsumerFailure, checkRange, readExactly } from '../common/read-exactly.ts'
import { FILE_MODE, sharedFileMode } from '../sharing.ts'
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
import { LocalAtOnce } from './at-once.ts'
import { adopt, closeAll, type MakeOptions, makeDirectories, nameOf, parentOf, withWritable } from './directories.ts'
import type { LocalDirectory } from './directory.ts'
import { isAbsent, localError } from './errors.ts'
import { execHere } from './exec.ts'
import { openToList, readPart } from './list.ts'
import { freeLocalBytes, moveLocal } from './move.ts'
import { pruneAbove } from './prune.ts'
import { putLocal, removeQuietly } from './put.ts'
import { toStat } from './stat.ts'
import { type Disk, LocalTree } from './tree.ts'

export interface LocalSettings {
  /** Absolute path of the store's root. It need not exist. */
  readonly root: string
  /**
   * False to do without Linux's names for what is open, as on other systems. Default: as the system
   * can.
   */
  readonly byNumber?: boolean
}

/** A store in a directory of this machine, on a disk or a mounted network file system. */
export function openLocalStore({ root, byNumber }: LocalSettings): Store {
  return new LocalStore(root.replace(/\/+$/, ''), byNumber)
}

class LocalStore implements Store {
  readonly traits: StoreTraits
  readonly #root: string
  readonly #byNumber: boolean | undefined
  readonly #temporary = new Set<string>()
  #disk: Disk | undefined
  #choosing: Promise<Files> | undefined
  readonly #known = new Set<string>()
  readonly #calls = new Calls()
  #atOnce: LocalAtOnce | undefined

  constructor(root: string, byNumber: boolean | undefined) {
    this.#root = root
    this.#byNumber = byNumber
    this.traits = {
      root: root || '/',
      local: true,
      writable: true,
      rangeReads: true,
      putIfAbsent: 'atomic',
      maxInFlight: 32,
      looksTogether: false,
      exec: true,
      movesDirectories: true,
    }
  }

  /** Once the kind of the disk is known. */
  get atOnce(): AtOnce | undefined {
    return this.#atOnce
  }

  stat(path: string, options: CallOptions = {}): Promise<Stat | undefined> {
    return this.#run('stat', path, options, (disk) => this.#look(disk, path, options))
  }

  statAll(paths: readonly string[], options: CallOptions = {}): Promise<readonly (Stat | undefined)[]> {
    const [first = ''] = paths
    return this.#run('stat', first, options, async (disk) => {
      const found: (Stat | undefined)[] = []
      for (const path of paths) {
        try {
          found.push(await this.#look(disk, path, options))
        } catch (error) {
          throw localError(error, 'stat', this.#file(path))
        }
      }
      return found
    })
  }

  get(path: string, consume: Consumer, options: GetOptions = {}): Promise<void> {
    const file = this.#file(path)
    return this.#calls.runGet(file, options.signal, ({ signal }) =>
      this.#work('get', file, async ({ files, tree }) => {
        const opened = await tree.openFile(path, fs.constants.O_RDONLY, access('get', options))
        await getLocal(files, file, opened, consume, { ...options, signal })
      }),
    )
  }

  put(path: string, source: Source, options: PutOptions = {}): Promise<Stat> {
    return this.#run('put', path, options, async (disk, { signal }) => {
      const directory = options.temporary ?? parentOf(path)
      const settings = { ...options, ...this.#making('put', disk, options), signal }
      return toStat(await putLocal(path, directory, source, settings, this.#temporary))
    })
  }

  remove(path: string, options: RemoveOptions = {}): Promise<void> {
    return this.#run('remove', path, options, async (disk) => {
      const { files, tree } = disk
      const parent = await tree.directory(parentOf(path), { op: 'remove', strict: true })
      if (parent === undefined) return
      try {
        const unlink = () => {
          options.mayChange?.()
          return files.unlink(parent.at(nameOf(path)))
        }
        await withWritable(files, parent, unlink).catch((error: unknown) => {
          if (!isAbsent(error)) throw error
        })
        await this.#prune(disk, path, options.pruneParents, parent)
      } finally {
        await parent.close()
      }
    })
  }

  /**
   * Removes up to `count` directories above a file, the nearest first, as long as they are empty.
   * `parent`: the nearest one, where it is open.
   */
  async #prune({ files, tree }: Disk, path: string, count = 0, parent?: LocalDirectory): Promise<void> {
    for (const removed of await pruneAbove(files, tree, parentOf(path), count, parent)) this.#known.delete(removed)
  }

  async *list(directory: string, options: CallOptions = {}): AsyncIterable<Entry> {
    const pending = [directory]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for await (const { entries, directories } of this.#parts(next, options)) {
        pending.push(...directories)
        yield* entries
      }
    }
  }

  async *children(directory: string, options: CallOptions = {}): AsyncIterable<Child> {
    for await (const { entries, directories } of this.#parts(directory, options)) {
      for (const path of directories) yield { path, file: undefined }
      for (const file of entries) yield { path: file.path, file }
    }
  }

  /** What is directly in a directory, a part after the other. */
  async *#parts(path: string, options: CallOptions) {
    const asked = access('list', options)
    const opened = await this.#run('list', path, options, (disk) => openToList(disk, path, asked))
    if (opened === undefined) return
    try {
      for (let ended = false; !ended; ) {
        const part = await this.#run('list', path, options, ({ files }) => readPart(files, opened, path))
        yield part
        ended = part.ended
      }
    } finally {
      await opened.close()
    }
  }

  append(path: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#run('append', path, options, async (disk) => {
      const { files } = disk
      const fd = await this.#openToAppend(disk, path, options)
      try {
        await writeFully(files, fd, content, 0)
        if (options.sharing) await this.#share(files, fd, options.sharing)
      } finally {
        await files.close(fd)
      }
    })
  }

  move(from: string, to: string, options: MoveOptions = {}): Promise<void> {
    return this.#run('move', from, options, async (disk) => {
      await moveLocal(from, to, { ...options, ...this.#making('move', disk, options) })
      if (options.isDirectory) this.#known.clear()
      await this.#prune(disk, from, options.pruneParents)
    })
  }

  freeBytes(directory: string, options: CallOptions = {}): Promise<number | undefined> {
    return this.#run('space', directory, options, () => freeLocalBytes(this.#file(directory)))
  }

  exec(command: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return this.#run('exec', options.cwd, options, async ({ tree }, { signal }) => {
      const directory = await tree.directory(options.cwd, { op: 'exec', strict: true })
      if (directory === undefined) throw Object.assign(new Error('no such directory'), { code: 'ENOENT' })
      try {
        return await execHere(command, { ...options, cwd: String(directory.self), where: directory.path, signal })
      } finally {
        await directory.close()
      }
    })
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#atOnce = undefined
    await Promise.all([...this.#temporary].map((file) => removeQuietly(patientFiles, file)))
  }

  async #share(files: Files, fd: number, sharing: NonNullable<PutOptions['sharing']>): Promise<void> {
    try {
      const { mode } = await files.fstat(fd)
      await files.fchmod(fd, sharedFileMode(mode, sharing) & 0o7777)
    } catch {} // another user's file: they shared it
  }

  /** A log that is there may be a link; one that is not is made beside no other. */
  async #openToAppend(disk: Disk, path: string, options: PutOptions): Promise<number> {
    const { files, tree } = disk
    const strict = { op: 'append', strict: true }
    const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = fs.constants
    for (;;) {
      try {
        return (await tree.openFile(path, O_WRONLY | O_APPEND, strict)).fd
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
      const made = await makeDirectories(parentOf(path), this.#making('append', disk, options))
      try {
        const file = made.directory.at(nameOf(path))
        const fd = await files.open(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, FILE_MODE | 0o222)
        await adopt(files, made.directory, fd)
        return fd
      } catch (error) {
        if (codeOf(error) !== 'EEXIST' || (await tree.look(path, strict)) === undefined) throw error
      } finally {
        await closeAll([made.directory, ...made.changed])
      }
    }
  }

  async #look({ tree }: Disk, path: string, options: CallOptions): Promise<Stat | undefined> {
    const stats = await tree.look(path, access('stat', options))
    if (stats === undefined || stats.isDirectory()) return undefined
    if (!stats.isFile()) throw notAFile(stats, 'stat', this.#file(path))
    return toStat(stats)
  }

  #making(op: string, disk: Disk, { sharing, within }: Pick<MoveOptions, 'sharing' | 'within'>): MakeOptions {
    return { ...disk, root: this.#root, known: this.#known, op, strict: true, sharing, within }
  }

  #file(path: string): string {
    return path === '' ? this.#root || '/' : `${this.#root}/${path}`
  }

  #run<T>(op: string, path: string, options: CallOptions, work: (disk: Disk, call: Call) => Promise<T>): Promise<T> {
    const file = this.#file(path)
    return this.#calls.run(op, file, options.signal, (call) => this.#work(op, file, (disk) => work(disk, call)))
  }

  #choose(files: Files): Disk {
    const disk = this.#disk ?? { files, tree: new LocalTree(files, this.#root, this.#byNumber) }
    if (files === diskFiles && this.#byNumber !== false) this.#atOnce = new LocalAtOnce(this.#making('put', disk, {}))
    this.#disk = disk
    return disk
  }

  async #work<T>(op: string, file: string, work: (disk: Disk) => Promise<T>): Promise<T> {
    if (file.includes('\0')) {
      throw new StoreError({ kind: 'unsupported', op, where: file, message: 'a NUL in the name', sent: 'no' })
    }
    try {
      if (this.#disk === undefined) this.#choosing ??= filesFor(toFsPath(this.#root))
      const disk = this.#disk ?? this.#choose((await this.#choosing) ?? patientFiles)
      return await work(disk)
    } catch (error) {
      throw error instanceof ConsumerFailure ? error : localError(error, op, file)
    }
  }
}

function access(op: string, { strictLinks }: CallOptions): Access {
  return { op, strict: strictLinks === true }
}

async function getLocal(
  files: Files,
  file: string,
  { fd, stats }: { readonly fd: number; readonly stats: fs.Stats },
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  try {
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
