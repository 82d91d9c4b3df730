import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { codeOf } from '../../core/errors.ts'
import type { OpenWriters } from '../../core/process/open-writers.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { formatWritten, parseAsked, parseChange, parseNames, parseWrite } from '../fuse/changes.ts'
import {
  type Attributes,
  type DirectoryEntry,
  direntLength,
  formatAttributes,
  formatEntry,
  formatOpen,
  formatStatfs,
  type Owner,
  parseName,
  parseRead,
  type Request,
  writeDirent,
} from '../fuse/messages.ts'
import { FuseError, NO_REPLACE, OPCODE } from '../fuse/opcodes.ts'
import type { Answers } from '../mounting.ts'
import { Handles, type Opened } from './handles.ts'
import { Names } from './names.ts'
import type { WorkTree } from './work-tree.ts'

/** The clone may be changed beside us, by `riastore commit` for example. */
const VALID_SECONDS = 1n

const NOTHING = Buffer.alloc(0)

/** How files are opened: the kernel itself keeps count of where to append. */
const ACCESS = constants.O_WRONLY | constants.O_RDWR
const OPEN_FLAGS = ACCESS | constants.O_TRUNC

/** What belongs to git. */
const HIDDEN = '.git'

/**
 * Answers the kernel for a folder whose files are those of a clone's work tree. What is changed is
 * changed there, at once; an annexed file that is written to becomes a plain file first.
 */
export class StageFolder implements Answers {
  readonly writable = true
  readonly #tree: WorkTree
  readonly #owner: Owner
  readonly #names = new Names()
  readonly #handles: Handles

  constructor(tree: WorkTree, owner: Owner, writers: OpenWriters) {
    this.#tree = tree
    this.#owner = owner
    this.#handles = new Handles(writers)
  }

  /** Answers a request. Throws FuseError, and what stood in the way. */
  async handle(request: Request, signal: AbortSignal): Promise<Buffer> {
    try {
      return await this.#answer(request, signal)
    } catch (error) {
      // What the system says of the work tree is what it says of the folder.
      const { errno } = error as NodeJS.ErrnoException
      throw codeOf(error) !== undefined && typeof errno === 'number' && errno < 0 ? new FuseError(-errno) : error
    }
  }

  forget(node: number, times: number): void {
    this.#names.forget(node, times)
  }

  pathOf(node: number): string {
    try {
      return this.#names.path(node)
    } catch {
      return 'a file that was removed'
    }
  }

  close(): void {
    void this.#handles.closeAll()
  }

  #answer(request: Request, signal: AbortSignal): Promise<Buffer> | Buffer {
    const { opcode, node, body } = request
    switch (opcode) {
      case OPCODE.lookup:
        return this.#entry(node, nameOf(parseName(body)))
      case OPCODE.getattr:
        return this.#attributes(node, parseAsked(body))
      case OPCODE.setattr:
        return this.#change(node, body, signal)
      case OPCODE.readlink:
        return this.#readLink(node)
      case OPCODE.open:
        return this.#open(node, body.readUInt32LE(0), signal)
      case OPCODE.create:
        return this.#create(node, body)
      case OPCODE.read:
        return this.#read(body, signal)
      case OPCODE.write:
        return this.#write(body)
      case OPCODE.fsync:
        return this.#sync(body)
      case OPCODE.release:
      case OPCODE.releasedir:
        return this.#handles.close(body.readBigUInt64LE(0)).then(() => NOTHING)
      case OPCODE.opendir:
        return this.#list(node)
      case OPCODE.readdir:
        return this.#readDirectory(body)
      case OPCODE.statfs:
        return this.#size()
      case OPCODE.flush:
      case OPCODE.fsyncdir:
      case OPCODE.destroy:
        return NOTHING
      default:
        return this.#changeNames(request)
    }
  }

  /** What changes which names there are. */
  async #changeNames({ opcode, node, body }: Request): Promise<Buffer> {
    const at = (name: Buffer | undefined) => this.#pathAt(node, nameOf(name))
    switch (opcode) {
      case OPCODE.mkdir: {
        const [name] = parseNames(body, 8)
        await fs.mkdir(at(name), body.readUInt32LE(0) & 0o777)
        return this.#entry(node, nameOf(name))
      }
      case OPCODE.mknod: {
        const [name] = parseNames(body, 16)
        const mode = body.readUInt32LE(0)
        if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new FuseError('EPERM')
        await fs.writeFile(at(name), '', { mode: mode & 0o777, flag: 'wx' })
        return this.#entry(node, nameOf(name))
      }
      case OPCODE.symlink: {
        const [name, target] = parseNames(body, 0)
        await fs.symlink(toFsPath(decode(target ?? NOTHING)), at(name))
        return this.#entry(node, nameOf(name))
      }
      case OPCODE.unlink:
      case OPCODE.rmdir: {
        const name = parseName(body)
        await (opcode === OPCODE.unlink ? fs.unlink(at(name)) : fs.rmdir(at(name)))
        this.#names.removed(node, nameOf(name))
        return NOTHING
      }
      case OPCODE.rename:
        return this.#rename(node, Number(body.readBigUInt64LE(0)), parseNames(body, 8), 0)
      case OPCODE.rename2:
        return this.#rename(node, Number(body.readBigUInt64LE(0)), parseNames(body, 16), body.readUInt32LE(8))
      default:
        throw new FuseError('ENOSYS')
    }
  }

  async #rename(from: number, to: number, names: readonly Buffer[], flags: number): Promise<Buffer> {
    const [name, toName] = names.map(nameOf)
    if (name === undefined || toName === undefined || (flags & ~NO_REPLACE) !== 0) throw new FuseError('EINVAL')
    const target = this.#pathAt(to, toName)
    if (flags === NO_REPLACE && (await isThere(target))) throw new FuseError('EEXIST')
    await fs.rename(this.#pathAt(from, name), target)
    this.#names.moved(from, name, to, toName)
    return NOTHING
  }

  #join(parent: number, name: string): string {
    if (name === HIDDEN) throw new FuseError('EACCES')
    const path = this.#names.path(parent)
    return path === '' ? name : `${path}/${name}`
  }

  #pathAt(parent: number, name: string): string | Buffer {
    return this.#tree.at(this.#join(parent, name))
  }

  async #entry(parent: number, name: string): Promise<Buffer> {
    if (name === HIDDEN) throw new FuseError('ENOENT')
    const seen = await this.#tree.see(this.#join(parent, name))
    if (seen === undefined) throw new FuseError('ENOENT')
    const node = this.#names.use(parent, name)
    return formatEntry({ ...seen.attributes, node }, this.#owner, VALID_SECONDS)
  }

  async #attributes(node: number, handle: bigint | undefined): Promise<Buffer> {
    return formatAttributes(await this.#see(node, handle), this.#owner, VALID_SECONDS)
  }

  /** A file that was removed is seen as long as it is open. */
  async #see(node: number, handle: bigint | undefined): Promise<Attributes> {
    const open = handle === undefined ? undefined : this.#handles.get(handle)
    if (open === undefined || !('file' in open)) {
      const seen = await this.#tree.see(this.#names.path(node)).catch((error) => {
        if (error instanceof FuseError) return undefined
        throw error
      })
      if (seen !== undefined) return { ...seen.attributes, node }
    }
    const file = open !== undefined && 'file' in open ? open : this.#handles.fileOf(node)
    if (file === undefined) throw new FuseError('ENOENT')
    const stats = await file.file.stat()
    return { node, kind: 'file', mode: stats.mode & 0o777, size: stats.size, modifiedMs: stats.mtimeMs }
  }

  async #change(node: number, body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const change = parseChange(body)
    const { uid, gid } = this.#owner
    if ((change.uid ?? uid) !== uid || (change.gid ?? gid) !== gid) throw new FuseError('EPERM')
    const open = change.handle === undefined ? undefined : this.#handles.get(change.handle)
    if (open !== undefined && 'file' in open) {
      if (change.size !== undefined) await open.file.truncate(change.size)
      if (change.mode !== undefined) await open.file.chmod(change.mode)
      if (change.modified !== undefined) await open.file.utimes(...timesOf(change))
      return this.#attributes(node, change.handle)
    }
    const path = this.#names.path(node)
    const seen = await this.#tree.see(path)
    if (seen === undefined) throw new FuseError('ENOENT')
    if (seen.key !== undefined) {
      // git keeps neither; who writes makes it a file that has them.
      if (change.mode !== undefined && change.size === undefined) throw new FuseError('EPERM')
      if (change.size !== undefined) await this.#tree.makeOwn(path, seen.key, change.size === 0, signal)
    }
    const at = this.#tree.at(path)
    const isLink = seen.attributes.kind === 'link'
    if (change.size !== undefined) await fs.truncate(at, change.size)
    if (change.mode !== undefined && !isLink) await fs.chmod(at, change.mode)
    const isPlain = seen.key === undefined || change.size !== undefined
    if (change.modified !== undefined && isPlain) await fs.lutimes(at, ...timesOf(change))
    return this.#attributes(node, undefined)
  }

  #readLink(node: number): Promise<Buffer> {
    return fs.readlink(this.#tree.at(this.#names.path(node)), { encoding: 'buffer' })
  }

  async #open(node: number, flags: number, signal: AbortSignal): Promise<Buffer> {
    const path = this.#names.path(node)
    const seen = await this.#tree.see(path)
    if (seen === undefined) throw new FuseError('ENOENT')
    const writes = (flags & ACCESS) !== constants.O_RDONLY
    if (seen.key !== undefined && !writes) {
      return this.#handle({ node, key: await this.#tree.openKey(seen.key) })
    }
    if (seen.key !== undefined) await this.#tree.makeOwn(path, seen.key, (flags & constants.O_TRUNC) !== 0, signal)
    const file = await fs.open(this.#tree.at(path), (flags & OPEN_FLAGS) | constants.O_NOFOLLOW)
    return this.#handle({ node, file, writes })
  }

  /** Of flags, mode, the mask that is in it already, and a name. */
  async #create(parent: number, body: Buffer): Promise<Buffer> {
    const name = nameOf(parseNames(body, 16)[0])
    const flags = (body.readUInt32LE(0) & (OPEN_FLAGS | constants.O_EXCL)) | constants.O_CREAT | constants.O_NOFOLLOW
    const file = await fs.open(this.#pathAt(parent, name), flags, body.readUInt32LE(4) & 0o777)
    const entry = await this.#entry(parent, name)
    const node = Number(entry.readBigUInt64LE(0))
    return Buffer.concat([entry, this.#handle({ node, file, writes: true })])
  }

  #handle(opened: Opened): Buffer {
    return formatOpen(this.#handles.add(opened), 0)
  }

  async #read(body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const { handle, offset, size } = parseRead(body)
    const open = this.#handles.get(handle)
    if (open === undefined || 'entries' in open) throw new FuseError('EINVAL')
    if ('key' in open) return open.key.read(offset, size, signal)
    const { buffer, bytesRead } = await open.file.read(Buffer.allocUnsafe(size), 0, size, offset)
    return buffer.subarray(0, bytesRead)
  }

  async #write(body: Buffer): Promise<Buffer> {
    const { handle, offset, bytes } = parseWrite(body)
    const open = this.#handles.get(handle)
    if (open === undefined || !('file' in open)) throw new FuseError('EINVAL')
    const { bytesWritten } = await open.file.write(bytes, 0, bytes.length, offset)
    return formatWritten(bytesWritten)
  }

  async #sync(body: Buffer): Promise<Buffer> {
    const open = this.#handles.get(body.readBigUInt64LE(0))
    if (open !== undefined && 'file' in open) await open.file.sync()
    return NOTHING
  }

  /** Offsets are places in the list as it was when it was opened. */
  async #list(node: number): Promise<Buffer> {
    const found = await fs.readdir(this.#tree.at(this.#names.path(node)), { withFileTypes: true, encoding: 'buffer' })
    const entries: DirectoryEntry[] = ['.', '..'].map((name) => ({ name: Buffer.from(name), node, kind: 'directory' }))
    for (const entry of found) {
      const name = decode(entry.name)
      if (name === HIDDEN) continue
      const kind = entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : undefined
      entries.push({ name: entry.name, node: this.#names.find(node, name) ?? UNKNOWN, kind })
    }
    return this.#handle({ node, entries })
  }

  #readDirectory(body: Buffer): Buffer {
    const { handle, offset, size } = parseRead(body)
    const open = this.#handles.get(handle)
    if (open === undefined || !('entries' in open)) throw new FuseError('EINVAL')
    const bytes = Buffer.alloc(size)
    let at = 0
    for (const [i, entry] of open.entries.entries()) {
      if (i < offset) continue
      const length = direntLength(entry.name, false)
      if (at + length > bytes.length) break
      writeDirent(bytes, at, entry, i + 1)
      at += length
    }
    return bytes.subarray(0, at)
  }

  async #size(): Promise<Buffer> {
    const { blocks, bavail, bsize } = await fs.statfs(this.#tree.at(''))
    const inOurs = (count: number) => Math.floor((count * bsize) / 4096)
    return formatStatfs({ blocks: inOurs(blocks), free: inOurs(bavail) })
  }
}

/** A number that stands for one that nobody has asked for. Source: libfuse, FUSE_UNKNOWN_INO. */
const UNKNOWN = 0xffffffff

function nameOf(name: Buffer | undefined): string {
  if (name === undefined || name.length === 0) throw new FuseError('EINVAL')
  return decode(name)
}

function isThere(path: string | Buffer): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    (error) => {
      if (codeOf(error) !== 'ENOENT') throw error // what cannot be looked at is not replaced
      return false
    },
  )
}

/** In seconds since 1970: of the last access, and the last change. */
function timesOf({
  accessed,
  modified,
}: Pick<ReturnType<typeof parseChange>, 'accessed' | 'modified'>): [number, number] {
  const seconds = (time: number | 'now' | undefined) => (typeof time === 'number' ? time : Date.now()) / 1000
  return [seconds(accessed), seconds(modified)]
}
