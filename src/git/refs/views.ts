import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { findSmall } from '../../store/read-small.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { isRefName, type RefState } from './ref-state.ts'

const MAX_VIEW_BYTES = 32 * 1024 * 1024

/**
 * What makes a directory a bare repository that git opens, for those who copy it or read it over
 * HTTP. Never changed once it is there.
 */
const FIXED: readonly (readonly [name: string, text: string])[] = [
  ['description', 'Pushed to by riastore\n'],
  ['config', '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n'],
  // git wants the directory, object stores have none; names with a dot are no refs. The last: where
  // it is, the others are.
  ['refs/.keep', ''],
]

/**
 * The files by which git, and a web server's clients, see a state. Source: gitrepository-layout(5).
 */
export function viewsOf({ head, refs, peeled, packs }: RefState): readonly (readonly [name: string, text: string])[] {
  const sorted = [...refs].sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    // In this order: a reader that sees a ref finds its objects.
    ['objects/info/packs', `${packs.map((pack) => `P ${pack}.pack\n`).join('')}\n`],
    ['packed-refs', sorted.map(([name, id]) => `${id} ${name}\n`).join('')],
    ['HEAD', `ref: ${head ?? 'refs/heads/main'}\n`],
    ['info/refs', sorted.map(([name, id]) => `${id}\t${name}\n${tagLine(name, peeled.get(name))}`).join('')],
  ]
}

function tagLine(name: string, target: string | undefined): string {
  return target === undefined ? '' : `${target}\t${name}^{}\n`
}

/** Writes the views of a state; HEAD only if it is not known to be right. */
export async function writeViews(
  dataset: StoredDataset,
  state: RefState,
  options: { readonly isHeadRight?: boolean } = {},
  call: CallOptions = {},
): Promise<void> {
  for (const [name, text] of viewsOf(state)) {
    if (name === 'HEAD' && options.isHeadRight) continue
    await dataset.store.put(dataset.path(name), bufferSource(text), call)
  }
}

/** Makes what never changes, where it is not there yet. */
export async function writeFixed(dataset: StoredDataset, call: CallOptions = {}): Promise<void> {
  for (const [name, text] of FIXED) {
    try {
      await dataset.store.put(dataset.path(name), bufferSource(text), { ...call, ifAbsent: true })
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
    }
  }
}

/** Whether what never changes is there. */
export async function hasFixed(dataset: StoredDataset, call: CallOptions = {}): Promise<boolean> {
  const last = FIXED.at(-1)?.[0] ?? ''
  return (await dataset.store.stat(dataset.path(last), call)) !== undefined
}

/** Whether others see this state. */
export async function areViewsTrue(dataset: StoredDataset, state: RefState, call: CallOptions = {}): Promise<boolean> {
  const looks = viewsOf(state).map(
    async ([name, text]) => (await readText(dataset.store, dataset.path(name), call)) === text,
  )
  return (await Promise.all(looks)).every(Boolean)
}

/** Removes the refs that git keeps as files of their own, and that would hide ours. */
export async function removeLooseRefs(dataset: StoredDataset, call: CallOptions = {}): Promise<void> {
  for await (const { path } of dataset.store.list(dataset.path('refs'), call)) {
    if (isRefName(path.slice(dataset.directory.length + 1))) await dataset.store.remove(path, call)
  }
}

/** A small file, undefined when there is none. */
export async function readText(store: Store, path: string, call: CallOptions = {}): Promise<string | undefined> {
  return (await findSmall(store, path, MAX_VIEW_BYTES, call))?.toString()
}
