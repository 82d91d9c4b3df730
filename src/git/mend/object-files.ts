import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

/** What lies below `objects/` of a bare repository, by paths relative to the store's root. */
export interface ObjectFiles {
  /** The files of each pack, by its name: `pack`, `idx`, `rev`, …; one of them may be missing. */
  readonly packs: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Objects that are files of their own, by their ids. */
  readonly loose: ReadonlyMap<string, string>
  /** What git makes out of several packs, or of all commits, to be quicker. */
  readonly derived: readonly string[]
  /** Objects are looked for elsewhere, too. */
  readonly borrows: boolean
}

const DERIVED = /^(pack\/multi-pack-index(\.d\/.+|-.+)?|info\/commit-graph|info\/commit-graphs\/.+)$/

/** Lists what git takes for objects. Temporary files are none. Throws StoreError. */
export async function listObjectFiles(dataset: StoredDataset, call: CallOptions): Promise<ObjectFiles> {
  const top = dataset.path('objects')
  const packs = new Map<string, Map<string, string>>()
  const loose = new Map<string, string>()
  const derived: string[] = []
  let borrows = false
  for await (const { path } of dataset.store.list(top, call)) {
    const name = path.slice(top.length + 1)
    const [, pack, suffix = ''] = /^pack\/(pack-[0-9a-f]{40})\.([a-z]+)$/.exec(name) ?? []
    if (pack !== undefined) packs.set(pack, (packs.get(pack) ?? new Map()).set(suffix, path))
    else if (/^[0-9a-f]{2}\/[0-9a-f]{38}$/.test(name)) loose.set(name.replace('/', ''), path)
    else if (DERIVED.test(name)) derived.push(path)
    else if (/^info\/(http-)?alternates$/.test(name)) borrows = true
  }
  return { packs, loose, derived, borrows }
}
