import { isStoreError, type StoreError } from '../../core/errors.ts'
import type { ObjectReader } from '../objects/object-reader.ts'
import type { ObjectType } from '../objects/pack-reader.ts'
import { parseCommit, parseTag, parseTree } from '../objects/parse-objects.ts'

/** Of a larger history not all is looked at: it takes a request for each, or for a few. Objects. */
const MAX_OBJECTS = 10_000

/** More are not told. */
const MAX_FOUND = 20

/** An object that something needs and that is not there, or damaged. */
export interface MissingObject {
  readonly id: string
  /** One line. */
  readonly reason: string
}

/**
 * Looks whether all that some objects need is in a repository, without git: each commit, tree and
 * tag is read, and each file looked up. `known`: those that need no look, for others have read
 * them. Throws StoreError when the store cannot be reached.
 */
export async function findMissing(
  objects: ObjectReader,
  ids: Iterable<string>,
  known: ReadonlySet<string>,
): Promise<readonly MissingObject[]> {
  const found: MissingObject[] = []
  const seen = new Set<string>()
  const left: { readonly id: string; readonly isBlob: boolean }[] = []
  const add = (id: string, isBlob: boolean) => {
    if (seen.has(id)) return
    seen.add(id)
    left.push({ id, isBlob })
  }
  for (const id of ids) add(id, false)
  for (let next = left.pop(); next !== undefined && seen.size <= MAX_OBJECTS; next = left.pop()) {
    const { id, isBlob } = next
    try {
      if (isBlob) {
        if (!known.has(id)) await objects.sizeOf(id)
        continue
      }
      const { type, content } = await objects.read(id)
      for (const link of linksOf(type, content)) add(link.id, link.isBlob)
    } catch (error) {
      if (!(error instanceof RangeError || isStoreError(error, 'missing', 'corrupt'))) throw error
      found.push({ id, reason: error instanceof RangeError ? error.message : (error as StoreError).reason })
      if (found.length === MAX_FOUND) break
    }
  }
  return found
}

/** What an object needs; commits of subdatasets are elsewhere. */
function linksOf(type: ObjectType, content: Buffer): readonly { readonly id: string; readonly isBlob: boolean }[] {
  const whole = (id: string) => ({ id, isBlob: false })
  if (type === 'tag') return [whole(parseTag(content))]
  if (type === 'commit') {
    const { tree, parents } = parseCommit(content)
    return [tree, ...parents].map(whole)
  }
  if (type === 'blob') return []
  return parseTree(content).flatMap(({ kind, id }) =>
    kind === 'subdataset' ? [] : [{ id, isBlob: kind !== 'directory' }],
  )
}
