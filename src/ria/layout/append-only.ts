import { StoreError } from '../../core/errors.ts'
import { findSmall } from '../../store/read-small.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { LAYOUT_FILE, type LayoutVersion, parseLayoutVersion } from './paths.ts'
import type { StoredDataset } from './stored-dataset.ts'

/**
 * The flag of a layout file (`1|a`, of a store; `2|a`, of a dataset) by which our programs remove
 * and replace nothing. DataLad's ORA pays no attention to flags that it does not know.
 */
const FLAG = 'a'

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

export function saysAppendOnly({ flags }: LayoutVersion): boolean {
  return flags.includes(FLAG)
}

/** The content of a layout file that says so, too. */
export function withAppendOnly({ version, flags }: LayoutVersion): string {
  return `${version}|${flags.includes(FLAG) ? flags : flags + FLAG}\n`
}

/** Whether a store, or a dataset in it, says so. Throws StoreError when that cannot be read. */
export async function isAppendOnly(store: Store, directory: string | undefined, call: CallOptions): Promise<boolean> {
  const paths = directory === undefined ? [LAYOUT_FILE] : [LAYOUT_FILE, `${directory}/${LAYOUT_FILE}`]
  for (const path of paths) {
    const text = await findSmall(store, path, SMALL_FILE_BYTES, { signal: call.signal })
    if (text === undefined) continue
    if (saysAppendOnly(parseLayoutVersion(text.toString(), `${store.traits.root}/${path}`))) return true
  }
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
