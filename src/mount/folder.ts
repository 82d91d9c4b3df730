import {
  type DirectoryEntry,
  direntLength,
  formatAttributes,
  formatEntry,
  formatNoEntry,
  formatOpen,
  formatStatfs,
  type Owner,
  parseName,
  parseRead,
  type Request,
  writeDirent,
  writeDirentPlus,
} from './fuse/messages.ts'
import { FuseError, KEEP_CACHE, OPCODE } from './fuse/opcodes.ts'
import type { Answers } from './mounting.ts'
import type { Node, OpenFile, Tree } from './tree.ts'

const DOTS = Buffer.from('..')

/** More is not returned at once, whatever is asked for. Bytes. */
const MAX_READ = 1024 * 1024

/** Answers the kernel for a folder that is only read. */
export class Folder implements Answers {
  readonly writable = false
  readonly #tree: Tree
  readonly #owner: Owner
  readonly #files = new Map<bigint, OpenFile>()
  #handles = 0n

  constructor(tree: Tree, owner: Owner) {
    this.#tree = tree
    this.#owner = owner
  }

  /** Answers a request. Throws FuseError, and what stood in the way. */
  async handle(request: Request, signal: AbortSignal): Promise<Buffer> {
    const { opcode, node, body } = request
    switch (opcode) {
      case OPCODE.lookup:
        return this.#lookup(node, parseName(body))
      case OPCODE.getattr:
        return formatAttributes(this.#node(node), this.#owner)
      case OPCODE.readlink:
        return this.#readLink(node)
      case OPCODE.open:
        return this.#open(node)
      case OPCODE.read:
        return this.#read(body, signal)
      case OPCODE.release:
        return this.#release(body)
      case OPCODE.opendir:
        await this.#list(node) // what cannot be listed is told here
        return formatOpen(0n, KEEP_CACHE)
      case OPCODE.readdir:
        return this.#readDirectory(node, body, false)
      case OPCODE.readdirplus:
        return this.#readDirectory(node, body, true)
      case OPCODE.statfs:
        return formatStatfs()
      case OPCODE.releasedir:
      case OPCODE.destroy:
        return Buffer.alloc(0)
      default:
        throw new FuseError('ENOSYS')
    }
  }

  forget(node: number, times: number): void {
    this.#tree.forget(node, times)
  }

  pathOf(node: number): string {
    return this.#tree.pathOf(node)
  }

  /** Closes what is still open, when nobody can ask any more. */
  close(): void {
    for (const file of this.#files.values()) file.close()
    this.#files.clear()
  }

  #node(number: number): Node {
    const node = this.#tree.node(number)
    if (node === undefined) throw new FuseError('ENOENT')
    return node
  }

  #list(number: number) {
    const listing = this.#tree.list(number)
    if (listing === undefined) throw new FuseError('ENOTDIR')
    return listing
  }

  async #lookup(parent: number, name: Buffer): Promise<Buffer> {
    const node = (await this.#list(parent)).byName.get(name.toString('latin1'))
    if (node === undefined) return formatNoEntry()
    this.#tree.use(node)
    return formatEntry(node, this.#owner)
  }

  #readLink(number: number): Buffer {
    const { found } = this.#node(number)
    if (found.kind !== 'link') throw new FuseError('EINVAL')
    return found.target
  }

  async #open(number: number): Promise<Buffer> {
    const { found } = this.#node(number)
    if (found.kind !== 'file') throw new FuseError('EISDIR')
    const file = await found.open()
    this.#handles += 1n
    this.#files.set(this.#handles, file)
    return formatOpen(this.#handles, file.isGood ? KEEP_CACHE : 0)
  }

  async #read(body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const { handle, offset, size } = parseRead(body)
    const file = this.#files.get(handle)
    if (file === undefined) throw new FuseError('EINVAL')
    return file.read(offset, Math.min(size, MAX_READ), signal)
  }

  #release(body: Buffer): Buffer {
    const { handle } = parseRead(body)
    this.#files.get(handle)?.close()
    this.#files.delete(handle)
    return Buffer.alloc(0)
  }

  /** Offsets are places in the list: 0 is `.`, 1 is `..`. */
  async #readDirectory(number: number, body: Buffer, plus: boolean): Promise<Buffer> {
    const { offset, size } = parseRead(body)
    const { nodes } = await this.#list(number)
    const { parent } = this.#node(number)
    const bytes = Buffer.alloc(Math.min(size, MAX_READ))
    const entryAt = (i: number): DirectoryEntry => {
      if (i < 2) return { name: DOTS.subarray(0, i + 1), node: i === 0 ? number : parent, kind: 'directory' }
      const node = nodes[i - 2] ?? this.#node(number)
      return { name: node.found.name, node: node.node, kind: node.kind }
    }
    let at = 0
    for (let i = offset; i < nodes.length + 2; i++) {
      const entry = entryAt(i)
      const length = direntLength(entry.name, plus)
      if (at + length > bytes.length) break
      const attributes = nodes[i - 2]
      if (plus) writeDirentPlus(bytes, at, { entry, attributes, next: i + 1 }, this.#owner)
      else writeDirent(bytes, at, entry, i + 1)
      if (plus && attributes !== undefined) this.#tree.use(attributes)
      at += length
    }
    return bytes.subarray(0, at)
  }
}
