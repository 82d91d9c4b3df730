import { isStoreError } from '../core/errors.ts'
import { bufferSource, collect } from '../core/source.ts'
import type { CallOptions, PutOptions, Store } from '../store/store.ts'
import type { RefLog } from './ref-log.ts'
import type { RefState } from './ref-state.ts'

const MAX_VIEW_BYTES = 32 * 1024 * 1024

/** What makes a directory a bare repository that git opens, for those who copy it or read it over HTTP. Never changed once it is there. */
const FIXED: Readonly<Record<string, string>> = {
  config: '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n',
  description: 'Pushed to by riastore\n',
  // git wants the directory, object stores have none; names with a dot are no refs.
  'refs/.keep': '',
}

/** The files by which git, and a web server's clients, see a state. Source: gitrepository-layout(5). */
export function viewsOf({ head, refs, packs }: RefState): ReadonlyMap<string, string> {
  const sorted = [...refs].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map([
    // In this order: who sees a ref finds its objects.
    ['objects/info/packs', `${packs.map((pack) => `P ${pack}.pack\n`).join('')}\n`],
    ['packed-refs', sorted.map(([name, id]) => `${id} ${name}\n`).join('')],
    ['info/refs', sorted.map(([name, id]) => `${id}\t${name}\n`).join('')],
    ['HEAD', `ref: ${head ?? 'refs/heads/main'}\n`],
  ])
}

/**
 * Writes the views of a state that was just committed, and of any newer one that is there by then: whoever pushed last also looks last. They are for
 * others; our own truth is the ref log.
 */
export async function writeViews(
  store: Store,
  directory: string,
  log: RefLog,
  committed: RefState,
  call: CallOptions = {},
): Promise<void> {
  const put = (name: string, text: string, options: PutOptions = {}) =>
    store.put(`${directory}/${name}`, bufferSource(text), { ...call, ...options })
  if (committed.generation === 1) {
    for (const [name, text] of Object.entries(FIXED)) {
      await put(name, text, { ifAbsent: true }).catch((error: unknown) => {
        if (!isStoreError(error, 'conflict')) throw error
      })
    }
  }
  for (
    let state: RefState | undefined = committed;
    state !== undefined;
    state = await log.newerThan(state.generation, call)
  ) {
    // HEAD hardly ever changes; if who changed it was killed before it was written, the next push writes it.
    const [head, ...others] = [...viewsOf(state)].reverse()
    for (const [name, text] of others.reverse()) await put(name, text)
    if (head !== undefined && (await readText(store, `${directory}/HEAD`, call)) !== head[1]) await put(...head)
  }
}

/** A small file, undefined when there is none. */
export async function readText(store: Store, path: string, call: CallOptions = {}): Promise<string | undefined> {
  let text: string | undefined
  try {
    await store.get(
      path,
      async (bytes) => {
        text = (await collect(bytes, MAX_VIEW_BYTES)).toString()
      },
      call,
    )
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
  }
  return text
}
