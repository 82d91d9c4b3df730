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

/** A mounted folder's directories and files, by number: each is listed when somebody looks. */
export class Tree {
  readonly #nodes = new Map<number, Node>()
  readonly #listings = new Map<number, Promise<Listing>>()

  constructor(root: Found) {
    this.#add(root, ROOT)
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
    if (known !== undefined) return known
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
    const nodes = (await list()).map((found) => this.#add(found, number))
    return { nodes, byName: new Map(nodes.map((node) => [node.found.name.toString('latin1'), node])) }
  }

  #add(found: Found, parent: number): Node {
    const { kind, mode, modifiedMs } = found
    const size = kind === 'file' ? found.size : kind === 'link' ? found.target.length : 0
    const node = { node: this.#nodes.size + 1, kind, mode, modifiedMs, size, found, parent }
    this.#nodes.set(node.node, node)
    return node
  }
}
