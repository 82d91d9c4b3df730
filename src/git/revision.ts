import { ConfigError, StoreError } from '../core/errors.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { ObjectReader } from './objects/object-reader.ts'
import type { GitObject } from './objects/pack-reader.ts'
import { type Commit, parseCommit, parseMessage, parseTag, parseTree, type TreeEntry } from './objects/parse-objects.ts'
import { isObjectId, type RefState } from './refs/ref-state.ts'

/** A file, link, directory or subdataset of a revision. */
export interface RevisionEntry extends TreeEntry {
  /** From the top of the dataset. */
  readonly path: string
}

/** A commit, as a history tells of it. */
export interface HistoryEntry {
  readonly id: string
  /** In ms since 1970. */
  readonly committedMs: number
  readonly author: string
  /** The first line of its message. */
  readonly subject: string
}

/** Tags may be of tags. */
const MAX_TAGS = 10

/** A commit of a dataset in a store, whose files are read without a clone. */
export class Revision {
  readonly id: string
  readonly commit: Commit
  readonly #dataset: StoredDataset
  readonly #objects: ObjectReader

  private constructor(dataset: StoredDataset, objects: ObjectReader, id: string, commit: Commit) {
    this.#dataset = dataset
    this.#objects = objects
    this.id = id
    this.commit = commit
  }

  /**
   * Opens the commit that an object id leads to, by tags if need be. Throws StoreError as
   * `ObjectReader.read` does, and ConfigError for what is no commit.
   */
  static async open(dataset: StoredDataset, objects: ObjectReader, id: string): Promise<Revision> {
    let at = id
    for (let tags = 0; tags <= MAX_TAGS; tags++) {
      const { type, content } = await objects.read(at)
      if (type === 'commit')
        return new Revision(
          dataset,
          objects,
          at,
          parsed(dataset, () => parseCommit(content)),
        )
      if (type !== 'tag') break
      at = parsed(dataset, () => parseTag(content))
    }
    throw new ConfigError(`${id} is no commit`)
  }

  /** What is at a path, the top for an empty one; undefined when nothing is. */
  async find(path: string): Promise<RevisionEntry | undefined> {
    let found: RevisionEntry = { path: '', name: '', kind: 'directory', id: this.commit.tree }
    for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
      if (found.kind !== 'directory') return undefined
      const above: string = found.path
      const entry = (await this.#tree(found.id)).find((each) => each.name === name)
      if (entry === undefined) return undefined
      found = { ...entry, path: above === '' ? name : `${above}/${name}` }
    }
    return found
  }

  /** What is in a directory, by name; `recursive`: what is deeper in place of directories. */
  async *list(directory: RevisionEntry, recursive: boolean): AsyncGenerator<RevisionEntry, void, void> {
    for (const entry of await this.#tree(directory.id)) {
      const child = { ...entry, path: directory.path === '' ? entry.name : `${directory.path}/${entry.name}` }
      if (recursive && child.kind === 'directory') yield* this.list(child, true)
      else yield child
    }
  }

  /**
   * This commit and those before it, the newest first, by their first parents: `most` of them.
   * Throws StoreError.
   */
  async *history(most: number): AsyncGenerator<HistoryEntry, void, void> {
    let id: string | undefined = this.id
    for (let count = 0; id !== undefined && count < most; count++) {
      const { content }: GitObject = await this.#expect(id, 'commit')
      const { parents, committedMs } = parsed(this.#dataset, () => parseCommit(content))
      yield { id, committedMs, ...parseMessage(content) }
      id = parents[0]
    }
  }

  /** The length of a file as git has it, in bytes. */
  sizeOf({ id }: TreeEntry): Promise<number> {
    return this.#objects.sizeOf(id)
  }

  /** A file as git has it, or where a link leads. */
  async read({ id }: TreeEntry): Promise<Buffer> {
    return (await this.#expect(id, 'blob')).content
  }

  async #tree(id: string): Promise<readonly TreeEntry[]> {
    const { content } = await this.#expect(id, 'tree')
    return parsed(this.#dataset, () => parseTree(content))
  }

  async #expect(id: string, type: GitObject['type']): Promise<GitObject> {
    const object = await this.#objects.read(id)
    if (object.type === type) return object
    throw this.#dataset.error('corrupt', 'get', `the git object ${id} should be a ${type}, and is a ${object.type}`)
  }
}

/**
 * The object id that a name stands for: a ref's full or short name, `HEAD`, or an object id;
 * without a name what HEAD points to. Undefined when there is none.
 */
export function resolveName(
  { head, refs }: Pick<RefState, 'head' | 'refs'>,
  name: string | undefined,
): string | undefined {
  if (name === undefined || name === 'HEAD') return head === undefined ? undefined : refs.get(head)
  // In git's order (gitrevisions).
  for (const before of ['', 'refs/', 'refs/tags/', 'refs/heads/', 'refs/remotes/']) {
    const id = refs.get(before + name)
    if (id !== undefined) return id
  }
  return isObjectId(name) ? name : undefined
}

function parsed<T>(dataset: StoredDataset, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const where = dataset.where()
    throw new StoreError({ kind: 'corrupt', op: 'get', where, message: `a git object is damaged: ${error.message}` })
  }
}
