import type { Attributes } from './fuse/messages.ts'

/** What a directory has under a name, before it has a number. */
export type Found =
  | (FoundBase & { readonly kind: 'file'; readonly size: number; readonly open: () => Promise<OpenFile> })
  | (FoundBase & { readonly kind: 'link'; readonly target: Buffer })
  | (FoundBase & { readonly kind: 'directory'; readonly list: () => Promise<readonly Found[]> })

interface FoundBase {
  readonly name: Buffer
  /** Permissions, POSIX. */
  readonly mode: number
  /** ms since 1970. */
  readonly modifiedMs: number
}

/** A file that is being read. */
export interface OpenFile {
  /** What was read of it before is good for everybody who opens it. */
  readonly isGood: boolean
  /** Reads a range; at the end it is shorter. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Buffer>
  close(): void
}

/** A file, link or directory with its number. */
export type Node = Attributes & { readonly found: Found; readonly parent: number }

/** What a directory has, in its order, and by name. */
export interface Listing {
  readonly nodes: readonly Node[]
  readonly byName: ReadonlyMap<string, Node>
}

const ROOT = 1

/** So many nodes are kept, besides those that the kernel uses and what is beside them. */
const KEPT_NODES = 200_000

/**
 * A mounted folder's directories and files, by number: each is listed when somebody looks. What the
 * kernel has forgotten is listed anew when somebody looks again after many others.
 */
export class Tree {
  readonly #nodes = new Map<number, Node>()
  /** Those that were looked into longest ago come first. */
  readonly #listings = new Map<number, Promise<Listing>>()
  /** How often the kernel was given nodes of a directory, less what it has forgotten. */
  readonly #uses = new Map<number, number>()
  /** The nodes of those that were read. */
  readonly #known = new Map<number, readonly Node[]>()
  readonly #keptNodes: number
  #numbers = 0

  constructor(root: Found, keptNodes = KEPT_NODES) {
    this.#keptNodes = keptNodes
    this.#add(root, ROOT)
  }

  /** How many nodes are in memory. */
  get size(): number {
    return this.#nodes.size
  }

  /** The kernel was given a node, and will use its number until it forgets it. */
  use(node: Node): void {
    this.#nodes.set(node.node, node) // it may have been dropped just now
    if (node.node !== ROOT) this.#uses.set(node.parent, (this.#uses.get(node.parent) ?? 0) + 1)
  }

  /** The kernel has forgotten so many of the times that it was given a node. */
  forget(number: number, times: number): void {
    const node = this.#nodes.get(number)
    if (node === undefined || number === ROOT) return
    const left = (this.#uses.get(node.parent) ?? 0) - times
    if (left > 0) this.#uses.set(node.parent, left)
    else this.#uses.delete(node.parent)
  }

  /** Undefined for a number that was never given out. */
  node(number: number): Node | undefined {
    return this.#nodes.get(number)
  }

  /** What a directory has; undefined for what is none. One that could not be read is read again. */
  list(number: number): Promise<Listing> | undefined {
    const found = this.#nodes.get(number)?.found
    if (found?.kind !== 'directory') return undefined
    const known = this.#listings.get(number)
    if (known !== undefined) {
      this.#listings.delete(number)
      this.#listings.set(number, known) // it comes last
      return known
    }
    const listing = this.#read(number, found.list)
    this.#listings.set(number, listing)
    listing.catch(() => this.#listings.delete(number))
    return listing
  }

  /** From the top, for messages. */
  pathOf(number: number): string {
    const parts: string[] = []
    for (let node = this.node(number); node !== undefined && node.node !== ROOT; node = this.node(node.parent)) {
      parts.unshift(node.found.name.toString())
    }
    return parts.join('/')
  }

  async #read(number: number, list: () => Promise<readonly Found[]>): Promise<Listing> {
    const found = await list()
    this.#makeRoom(number)
    const nodes = found.map((each) => this.#add(each, number))
    this.#known.set(number, nodes)
    return { nodes, byName: new Map(nodes.map((node) => [node.found.name.toString('latin1'), node])) }
  }

  /**
   * Drops listings that the kernel uses nothing of, but for one. Of what is above something that it
   * uses it uses that, too.
   */
  #makeRoom(number: number): void {
    for (const other of this.#listings.keys()) {
      if (this.#nodes.size <= this.#keptNodes) return
      if (other !== number && !this.#uses.has(other)) this.#drop(other)
    }
  }

  #drop(directory: number): void {
    const nodes = this.#known.get(directory)
    if (nodes === undefined) return // it is being read
    this.#known.delete(directory)
    this.#listings.delete(directory)
    for (const { node, kind } of nodes) {
      this.#nodes.delete(node)
      if (kind === 'directory') this.#drop(node)
    }
  }

  #add(found: Found, parent: number): Node {
    const { kind, mode, modifiedMs } = found
    const size = kind === 'file' ? found.size : kind === 'link' ? found.target.length : 0
    this.#numbers += 1
    const node = { node: this.#numbers, kind, mode, modifiedMs, size, found, parent }
    this.#nodes.set(node.node, node)
    return node
  }
}
