import { StoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { findSmall, readSmall } from '../../store/read-small.ts'
import type { CallOptions, Sharing, Store } from '../../store/store.ts'
import { LAYOUT_FILE, type LayoutVersion, parseLayoutVersion } from './paths.ts'
import type { StoredDataset } from './stored-dataset.ts'

/**
 * The flag of a layout file (`1|a`, of a store; `2|a`, of a dataset) by which our programs remove
 * and replace nothing; `a20301231`: to the end of that day (UTC). DataLad's ORA pays no attention
 * to flags that it does not know.
 */
const FLAG = /a(\d{8})?/

const DAY_MS = 24 * 3_600_000

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

/** Until when it says so, in ms since 1970; undefined where it does not, infinite for ever. */
export function appendOnlyUntil({ flags }: Pick<LayoutVersion, 'flags'>): number | undefined {
  const found = FLAG.exec(flags)
  if (found === null) return undefined
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(found[1] ?? '') ?? []
  const dayMs = year === undefined ? Number.NaN : Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isNaN(dayMs) ? Number.POSITIVE_INFINITY : dayMs + DAY_MS // what is no date never ends
}

export function saysAppendOnly(layout: Pick<LayoutVersion, 'flags'>): boolean {
  return (appendOnlyUntil(layout) ?? 0) > Date.now()
}

/** That a store or a dataset is append-only, for programs. */
export interface AppendOnlySaid {
  readonly appendOnly: true
  /** The last day, `2030-12-31`; undefined: there is none. */
  readonly appendOnlyUntil?: string
}

/** What a layout file says of it, if it does. Throws StoreError. */
export async function readAppendOnly(
  store: Store,
  path: string,
  call: CallOptions,
): Promise<AppendOnlySaid | undefined> {
  const text = await findSmall(store, path, SMALL_FILE_BYTES, { signal: call.signal })
  const layout = text && parseLayoutVersion(text.toString(), `${store.traits.root}/${path}`)
  if (layout === undefined || !saysAppendOnly(layout)) return undefined
  const until = describeUntil(layout).replace(' until ', '')
  return { appendOnly: true, ...(until !== '' && { appendOnlyUntil: until }) }
}

/** In words: ` until 2030-12-31`, or nothing for ever. */
export function describeUntil(layout: Pick<LayoutVersion, 'flags'>): string {
  const until = appendOnlyUntil(layout) ?? Number.POSITIVE_INFINITY
  return until === Number.POSITIVE_INFINITY ? '' : ` until ${new Date(until - 1).toISOString().slice(0, 10)}`
}

export interface AppendOnlyOptions extends CallOptions {
  /** The last day, `2030-12-31`. Default: there is none. */
  readonly until?: string | undefined
  readonly sharing?: Sharing | undefined
}

/**
 * Says in a layout file, by its path in the store, that nothing is to be removed or replaced. False
 * where it says so already. No program of ours takes it back: throws StoreError `conflict` for an
 * end that comes before the one which was said.
 */
export async function markAppendOnly(
  store: Store,
  path: string,
  { until, sharing, signal }: AppendOnlyOptions,
): Promise<boolean> {
  const where = `${store.traits.root}/${path}`
  const text = await readSmall(store, path, SMALL_FILE_BYTES, { signal })
  const { version, flags } = parseLayoutVersion(text.toString(), where)
  const wanted = `${flags.replace(FLAG, '')}a${until?.replaceAll('-', '') ?? ''}`
  const [before = 0, after = 0] = [appendOnlyUntil({ flags }), appendOnlyUntil({ flags: wanted })]
  if (before === after) return false
  if (after < before) {
    const message = `it is append-only${describeUntil({ flags })}, and that is not made shorter`
    throw new StoreError({ kind: 'conflict', op: 'init', where, message, sent: 'no' })
  }
  await store.put(path, bufferSource(`${version}|${wanted}\n`), { signal, sharing })
  return true
}

/** Whether a store, or a dataset in it, says so. Throws StoreError when that cannot be read. */
export async function isAppendOnly(store: Store, directory: string | undefined, call: CallOptions): Promise<boolean> {
  const paths = directory === undefined ? [LAYOUT_FILE] : [LAYOUT_FILE, `${directory}/${LAYOUT_FILE}`]
  for (const path of paths) if ((await readAppendOnly(store, path, call)) !== undefined) return true
  return false
}

/** Throws StoreError `denied` where nothing may be removed or replaced. */
export async function requireRemovable(
  { store, directory, name }: StoredDataset,
  op: string,
  call: CallOptions,
): Promise<void> {
  if (await isAppendOnly(store, directory, call)) throw appendOnlyError(store, `${op} ${name}`)
}

export function appendOnlyError({ traits }: Store, op: string): StoreError {
  const message = 'the store is append-only: nothing in it is removed or replaced'
  return new StoreError({ kind: 'denied', op, where: traits.root, message, sent: 'no' })
}
