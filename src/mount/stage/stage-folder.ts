import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { codeOf } from '../../core/errors.ts'
import type { OpenWriters } from '../../core/process/open-writers.ts'
import { formatWritten, parseAsked, parseChange, parseNames, parseWrite } from '../fuse/changes.ts'
import {
  type Attributes,
  formatAttributes,
  formatEntry,
  formatOpen,
  formatStatfs,
  type Owner,
  parseName,
  parseRead,
  type Request,
} from '../fuse/messages.ts'
import { FuseError, OPCODE } from '../fuse/opcodes.ts'
import type { Answers } from '../mounting.ts'
import { changeNames, HIDDEN, nameOf } from './change-names.ts'
import { Handles, type Opened } from './handles.ts'
import { formatEntries, listDirectory, syncDirectory } from './list-directory.ts'
import { Names } from './names.ts'
import type { Seen, WorkTree } from './work-tree.ts'
import { writeAll } from './write-all.ts'

/** The clone may be changed beside us, by `riastore commit` for example. */
const VALID_SECONDS = 1n

const NOTHING = Buffer.alloc(0)

/** How files are opened: the kernel itself keeps count of where to append. */
const ACCESS = constants.O_WRONLY | constants.O_RDWR
const OPEN_FLAGS = ACCESS | constants.O_TRUNC

/** No link is followed, and no pipe waited for. */
const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK

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
      case OPCODE.fsyncdir:
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
      case OPCODE.destroy:
        return NOTHING
      default:
        return this.#changeNames(request)
    }
  }

  async #changeNames(request: Request): Promise<Buffer> {
    const pathAt = (parent: number, name: string) => this.#tree.at(this.#join(parent, name))
    const name = await changeNames(request, { tree: this.#tree, names: this.#names, pathAt })
    return name === undefined ? NOTHING : this.#entry(request.node, name)
  }

  #join(parent: number, name: string): string {
    if (name === HIDDEN) throw new FuseError('EACCES')
    const path = this.#names.path(parent)
    return path === '' ? name : `${path}/${name}`
  }

  async #entry(parent: number, name: string): Promise<Buffer> {
    if (name === HIDDEN) throw new FuseError('ENOENT')
    const seen = await this.#tree.see(this.#join(parent, name))
    if (seen === undefined) throw new FuseError('ENOENT')
    const node = this.#names.use(parent, name, seen.identity)
    return formatEntry({ ...seen.attributes, node }, this.#owner, VALID_SECONDS)
  }

  /** What the kernel means by a number. Throws FuseError for what is gone, or another now. */
  async #find(node: number): Promise<Seen & { readonly path: string }> {
    const path = this.#names.path(node)
    const seen = await this.#tree.see(path)
    if (seen === undefined) throw new FuseError('ENOENT')
    if (!this.#names.is(node, seen.identity)) throw new FuseError('ESTALE') // the kernel looks it up again
    return { ...seen, path }
  }

  async #attributes(node: number, handle: bigint | undefined): Promise<Buffer> {
    return formatAttributes(await this.#see(node, handle), this.#owner, VALID_SECONDS)
  }

  /** A file that was removed is seen as long as it is open. */
  async #see(node: number, handle: bigint | undefined): Promise<Attributes> {
    const asked = handle === undefined ? undefined : this.#handles.get(handle)
    if (asked === undefined || !('file' in asked)) {
      try {
        return { ...(await this.#find(node)).attributes, node }
      } catch (error) {
        if (!(error instanceof FuseError) || this.#handles.openOf(node) === undefined) throw error
      }
    }
    const open = asked !== undefined && !('entries' in asked) ? asked : this.#handles.openOf(node)
    if (open === undefined) throw new FuseError('ENOENT')
    if ('key' in open) return { ...open.attributes, node }
    const stats = await open.file.stat()
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
    const { path, key, attributes } = await this.#find(node)
    const isOwn = key === undefined || change.size !== undefined
    const isOtherMode = change.mode !== undefined && (change.mode & 0o777) !== attributes.mode
    // git does not keep the mode of a key's file; who writes makes it a file that has one.
    if (!isOwn && isOtherMode) throw new FuseError('EPERM')
    if (key !== undefined && change.size !== undefined) await this.#makeOwn(node, path, change.size === 0, signal)
    const at = this.#tree.at(path)
    if (change.size !== undefined) await fs.truncate(at, change.size)
    if (change.mode !== undefined && isOwn && attributes.kind !== 'link') await fs.chmod(at, change.mode)
    if (change.modified !== undefined) await fs.lutimes(at, ...timesOf(change))
    return this.#attributes(node, undefined)
  }

  /** Who reads the file already is to read what is written to it. */
  async #makeOwn(node: number, path: string, isEmptied: boolean, signal: AbortSignal): Promise<void> {
    const onWhole = (identity: string) => this.#names.becomes(node, identity)
    await this.#tree.makeOwn({ path, isEmptied, onWhole }, signal)
    await this.#replaceKeys(node, path)
  }

  #replaceKeys(node: number, path: string): Promise<void> {
    return this.#handles.replaceKeys(node, () => fs.open(this.#tree.at(path), constants.O_RDONLY | CAREFULLY))
  }

  #readLink(node: number): Promise<Buffer> {
    return fs.readlink(this.#tree.at(this.#names.path(node)), { encoding: 'buffer' })
  }

  async #open(node: number, flags: number, signal: AbortSignal): Promise<Buffer> {
    const { path, key, attributes } = await this.#find(node)
    const writes = (flags & ACCESS) !== constants.O_RDONLY
    if (key !== undefined && !writes) {
      const opened = await this.#handle({ node, key: await this.#tree.openKey(key), attributes })
      // Somebody may have begun to write to it while we looked.
      if (this.#names.hasBecome(node) && (await this.#find(node)).key === undefined) await this.#replaceKeys(node, path)
      return opened
    }
    if (key !== undefined) await this.#makeOwn(node, path, (flags & constants.O_TRUNC) !== 0, signal)
    const file = await fs.open(this.#tree.at(path), (flags & OPEN_FLAGS) | CAREFULLY)
    return this.#handle({ node, file, writes })
  }

  /** Of flags, mode, the mask that is in it already, and a name. */
  async #create(parent: number, body: Buffer): Promise<Buffer> {
    const name = nameOf(parseNames(body, 16)[0])
    const flags = (body.readUInt32LE(0) & (OPEN_FLAGS | constants.O_EXCL)) | constants.O_CREAT | CAREFULLY
    const file = await fs.open(this.#tree.at(this.#join(parent, name)), flags, body.readUInt32LE(4) & 0o777)
    try {
      const entry = await this.#entry(parent, name)
      const node = Number(entry.readBigUInt64LE(0))
      return Buffer.concat([entry, await this.#handle({ node, file, writes: true })])
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
  }

  async #handle(opened: Opened): Promise<Buffer> {
    return formatOpen(await this.#handles.add(opened), 0)
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
    await writeAll(open.file, bytes, offset) // nobody looks whether pages of a mapped file were taken in part
    return formatWritten(bytes.length)
  }

  async #sync(body: Buffer): Promise<Buffer> {
    const open = this.#handles.get(body.readBigUInt64LE(0))
    if (open !== undefined && 'file' in open) await open.file.sync()
    if (open !== undefined && 'entries' in open) await open.sync()
    return NOTHING
  }

  /** Offsets are places in the list as it was when it was opened. */
  async #list(node: number): Promise<Buffer> {
    const at = () => this.#tree.at(this.#names.path(node))
    const entries = await listDirectory(at(), node, (name) => this.#names.find(node, name))
    return this.#handle({ node, entries, sync: async () => syncDirectory(at()) })
  }

  #readDirectory(body: Buffer): Buffer {
    const { handle, offset, size } = parseRead(body)
    const open = this.#handles.get(handle)
    if (open === undefined || !('entries' in open)) throw new FuseError('EINVAL')
    return formatEntries(open.entries, offset, size)
  }

  async #size(): Promise<Buffer> {
    const { blocks, bavail, bsize } = await fs.statfs(this.#tree.at(''))
    const inOurs = (count: number) => Math.floor((count * bsize) / 4096)
    return formatStatfs({ blocks: inOurs(blocks), free: inOurs(bavail) })
  }
}

/** In seconds since 1970: of the last access, and the last change. */
function timesOf({
  accessed,
  modified,
}: Pick<ReturnType<typeof parseChange>, 'accessed' | 'modified'>): [number, number] {
  const seconds = (time: number | 'now' | undefined) => (typeof time === 'number' ? time : Date.now()) / 1000
  return [seconds(accessed), seconds(modified)]
}
