import * as fs from 'node:fs'
import { release } from 'node:os'
import { codeOf } from '../../core/errors.ts'
import { DESCRIPTORS, diskFiles, filesFor, NAMES_DESCRIPTORS } from '../../core/files.ts'
import { Turns } from '../../core/process/turns.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { transferDirectory } from '../../ria/layout/paths.ts'
import { objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import type { LocalDirectory } from '../../store/local/directory.ts'
import { openToWork } from '../../store/local/work.ts'
import { DIRECTORY_MODE, FILE_MODE } from '../../store/sharing.ts'
import type { CallOptions } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { type CheckedKey, readFully, SMALL_BYTES } from '../clone/content.ts'
import { syncFileSystem } from '../clone/sync.ts'
import type { OpenRemote } from '../open-remote.ts'

/** A key that is written and not seen yet. */
interface Waiting {
  readonly number: number
  readonly temporary: string
  /** Below annex/objects. */
  readonly place: string
}

/** So many keys, or bytes, wait together for the disk. */
const BATCH_KEYS = 10_000
const BATCH_BYTES = 1024 ** 3

/**
 * Stores small keys in a store on a disk of this machine, many at once: all are written, the file
 * system is synced, all get their names, and it is synced again. A `put` of the store does the same
 * with three to six calls of fsync for each key, for which it waits.
 *
 * What keeps a `put` safe is kept: content is checked before it is written, and on the disk before
 * it is seen; directories are entered one in the other, held open, and through no link. Whatever is
 * not as it should be is left to the store, which says what is wrong.
 */
export class DirectWrites {
  readonly #version: string
  readonly #transfer: LocalDirectory
  readonly #objects: LocalDirectory
  /** Of `#objects` when it was opened, without links. */
  readonly #path: string
  readonly #sync: typeof syncFileSystem
  readonly #content = Buffer.allocUnsafeSlow(SMALL_BYTES + 1)
  #waiting: Waiting[] = []
  #bytes = 0

  private constructor(version: string, transfer: LocalDirectory, objects: LocalDirectory, sync: typeof syncFileSystem) {
    this.#version = version
    this.#sync = sync
    this.#transfer = transfer
    this.#objects = objects
    this.#path = currentPath(objects.fd)
  }

  /**
   * To be asked for when a key was stored as usual: then the store can be written to, and the
   * directories are there. Undefined where a put does more than this, or a call may wait for more
   * than a disk. `sync` has a file system written to its disk.
   */
  static async for(
    remote: OpenRemote,
    call: CallOptions,
    sync: typeof syncFileSystem = syncFileSystem,
  ): Promise<DirectWrites | undefined> {
    const { store, directory, layout, dataset } = remote
    const { local, root } = store.traits
    if (!local || !NAMES_DESCRIPTORS || !tellsFailedWrites(release())) return undefined
    if (layout.appendOnly) return undefined // what is there is not replaced
    if ((await filesFor(root)) !== diskFiles || (await readSharing(dataset.stored, call)) !== undefined)
      return undefined
    const transfer = await openToWork(root, transferDirectory(directory, remote.remote.uuid), 'put')
    try {
      const objects = await openToWork(root, objectsDirectory(directory), 'put')
      const writes = new DirectWrites(layout.dataset.version, transfer, objects, sync)
      if (isOwn(transfer.fd) && isOwn(objects.fd)) return writes
      await writes.close()
      return undefined
    } catch (error) {
      await transfer.close()
      throw error
    }
  }

  /** It is time to `place` what was written. */
  get isFull(): boolean {
    return this.#waiting.length >= BATCH_KEYS || this.#bytes >= BATCH_BYTES
  }

  /** Writes a key's object where nobody sees it yet. False: the store has to be asked to do it. */
  write(number: number, { key, size, checksum }: CheckedKey, file: string): boolean {
    if (size > SMALL_BYTES) return false
    const temporary = temporaryName()
    try {
      const content = this.#read(file, size)
      if (content === undefined || checksum.matches(content) !== true) return false
      const [place = ''] = placesOf(key.text, this.#version)
      this.#waiting.push({ number, temporary, place })
      this.#bytes += size
      writeFile(this.#transfer.at(temporary), content)
      return true
    } catch {
      if (this.#waiting.at(-1)?.temporary === temporary) this.#waiting.pop()
      this.#remove(temporary)
      return false
    }
  }

  /**
   * Makes keys visible that were written. `onPlaced` gets those that the store has safe then; the
   * others are left to the store. Throws StoreError when the disk does not take what it was given.
   */
  async place(onPlaced: (number: number) => void, signal: AbortSignal | undefined): Promise<void> {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    await this.#syncAll()
    waiting.sort((a, b) => (a.place < b.place ? -1 : 1)) // a directory is opened once
    const way = new Way(this.#objects.fd)
    const placed: number[] = []
    const turns = new Turns()
    try {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await turns.pause()
        signal?.throwIfAborted()
        if (this.#move(next, way)) placed.push(next.number)
      }
    } finally {
      way.close()
    }
    this.#bytes = 0
    await this.#syncAll()
    // It may have been renamed meanwhile, as `riastore rm` does: then the store has none of them.
    if (this.#isInPlace()) for (const number of placed) onPlaced(number)
  }

  /** Removes what was written and is not seen. Never rejects. */
  async close(): Promise<void> {
    for (const { temporary } of this.#waiting.splice(0)) this.#remove(temporary)
    await this.#transfer.close()
    await this.#objects.close()
  }

  /** The file system of what is held open, whatever has its path by now. */
  #syncAll(): Promise<void> {
    return this.#sync(this.#transfer.selfForOthers, this.#transfer.path)
  }

  #isInPlace(): boolean {
    return currentPath(this.#objects.fd) === this.#path
  }

  #move({ temporary, place }: Waiting, way: Way): boolean {
    const [first = '', second = '', name = ''] = place.split('/')
    try {
      const fd = enter(way.into(first, second), name)
      try {
        fs.renameSync(this.#transfer.at(temporary), at(fd, name))
      } finally {
        fs.closeSync(fd)
      }
      return true
    } catch {
      this.#remove(temporary)
      return false
    }
  }

  #read(file: string, size: number): Buffer | undefined {
    const fd = fs.openSync(toFsPath(file), 'r')
    try {
      // One byte more than the key has: content that is longer is noticed.
      return readFully(fd, this.#content, size + 1) === size ? this.#content.subarray(0, size) : undefined
    } finally {
      fs.closeSync(fd)
    }
  }

  #remove(temporary: string): void {
    try {
      fs.unlinkSync(this.#transfer.at(temporary))
    } catch {}
  }
}

/** The two hash directories that the last key was in, held open. */
class Way {
  readonly #objects: number
  #names: [first: string, second: string] = ['', '']
  #open: number[] = []

  constructor(objects: number) {
    this.#objects = objects
  }

  into(first: string, second: string): number {
    if (this.#names[0] !== first) this.close()
    else if (this.#names[1] !== second) this.#closeTo(1)
    this.#names = [first, second]
    this.#open[0] ??= enter(this.#objects, first)
    this.#open[1] ??= enter(this.#open[0], second)
    return this.#open[1]
  }

  close(): void {
    this.#closeTo(0)
  }

  #closeTo(length: number): void {
    for (const fd of this.#open.splice(length)) fs.closeSync(fd)
  }
}

/**
 * Opens a directory in one that is open, and makes it if it is not there. Throws for a link, and
 * where a put would give it to somebody else.
 */
function enter(parent: number, name: string): number {
  const path = at(parent, name)
  try {
    fs.mkdirSync(path, DIRECTORY_MODE)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants
  const fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  if (isOwn(fd)) return fd
  fs.closeSync(fd)
  throw new Error(`${decode(Buffer.from(path))} belongs to somebody else`)
}

function at(fd: number, name: string): string | Buffer {
  return toFsPath(`${DESCRIPTORS}/${fd}/${name}`)
}

/** Where what is open lies now. Throws node's error. */
function currentPath(fd: number): string {
  return decode(fs.readlinkSync(`${DESCRIPTORS}/${fd}`, { encoding: 'buffer' }))
}

/** What root makes in somebody's directory becomes theirs; the store sees to that. */
function isOwn(fd: number): boolean {
  return process.geteuid?.() !== 0 || fs.fstatSync(fd).uid === 0
}

function writeFile(path: string | Buffer, content: Uint8Array): void {
  const fd = fs.openSync(path, 'wx', FILE_MODE)
  try {
    for (let done = 0; done < content.length; ) done += fs.writeSync(fd, content, done)
    if (fs.fstatSync(fd).size !== content.length) throw new Error('the file system did not keep all of it')
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * Since Linux 5.8 the sync of a file system fails when something could not be written (syncfs(2)).
 */
function tellsFailedWrites(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 8)
}
