import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { type Facts, factsOf, isLikeFile, isOneFile } from './files.ts'
import type { Twin } from './find-twins.ts'

/** A copy that is to be changed. */
export interface PlannedFile extends Twin {
  /** Bytes that are free when that is done, or that are needed. */
  readonly bytes: number
  /** The copy whose bytes it gets; undefined: bytes of its own. */
  readonly keeper: Twin | undefined
}

export interface Plan {
  /** By dataset, in order. */
  readonly files: ReadonlyMap<string, { readonly dataset: StoredDataset; readonly files: readonly PlannedFile[] }>
  /** Copies that have the same inode as another one already. */
  readonly shared: number
  readonly sharedBytes: number
}

/**
 * Says which copies get the bytes of which others. That with the newest time stays, for a hard link
 * has one time, and a key must not become older than it is. Those with another owner or mode can
 * share their bytes only by reflink; on another file system, by nothing.
 */
export async function planSharing(twins: ReadonlyMap<string, readonly Twin[]>): Promise<Plan> {
  const plan = new Planned()
  for (const all of twins.values()) {
    const found = (await Promise.all(all.map(async (twin) => ({ twin, facts: await lookAt(twin) })))).flatMap(
      ({ twin, facts }) => (facts === undefined ? [] : [{ twin, facts }]),
    )
    found.sort((a, b) => b.facts.mtimeMs - a.facts.mtimeMs)
    const keepers: { readonly twin: Twin; readonly facts: Facts }[] = []
    for (const { twin, facts } of found) {
      const here = keepers.filter((keeper) => keeper.facts.dev === facts.dev)
      const keeper = here.find((each) => isLikeFile(each.facts, facts)) ?? here[0]
      if (keeper === undefined || !isLikeFile(keeper.facts, facts)) keepers.push({ twin, facts })
      if (keeper === undefined) continue
      if (isOneFile(keeper.facts, facts)) plan.addShared(facts.size)
      else plan.add({ ...twin, bytes: facts.links === 1 ? facts.size : 0, keeper: keeper.twin })
    }
  }
  return plan.inOrder()
}

/** Says which copies have several names, of which all but one get bytes of their own. */
export async function planSeparating(twins: ReadonlyMap<string, readonly Twin[]>): Promise<Plan> {
  const plan = new Planned()
  for (const all of twins.values()) {
    for (const twin of all) {
      const facts = await lookAt(twin)
      if (facts !== undefined && facts.links > 1) plan.add({ ...twin, bytes: facts.size, keeper: undefined })
    }
  }
  return plan.inOrder()
}

const lookAt = ({ dataset, entry }: Twin) => factsOf(dataset.where(entry.path))

class Planned {
  readonly #files = new Map<string, { dataset: StoredDataset; files: PlannedFile[] }>()
  #shared = 0
  #sharedBytes = 0

  add(file: PlannedFile): void {
    const { directory } = file.dataset
    const of = this.#files.get(directory) ?? { dataset: file.dataset, files: [] }
    of.files.push(file)
    this.#files.set(directory, of)
  }

  addShared(bytes: number): void {
    this.#shared += 1
    this.#sharedBytes += bytes
  }

  inOrder(): Plan {
    const files = new Map([...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)))
    return { files, shared: this.#shared, sharedBytes: this.#sharedBytes }
  }
}
