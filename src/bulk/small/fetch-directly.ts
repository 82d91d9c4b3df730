import { Turns } from '../../core/process/turns.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import type { CallOptions } from '../../store/store.ts'
import { checkedKey, type Fetch } from '../fetch.ts'

export interface FetchSmallOptions extends CallOptions {
  /** Keys at once, where each is asked for. Default: as many as the store takes. */
  readonly jobs?: number | undefined
  /** A key lies whole and checked in the work directory. */
  readonly onKept: (number: number) => Promise<void> | undefined
}

/**
 * Brings small loose keys from a store on a disk of this machine. Those that cannot be had so are
 * left as they are. Throws what `onKept` throws, and StoreError `aborted`.
 */
export async function fetchDirectly(
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
  fetch: Fetch,
  { signal, onKept }: FetchSmallOptions,
): Promise<void> {
  if (!fetch.isDirect) return
  const turns = new Turns()
  for await (const number of numbers) {
    await turns.pause()
    signal?.throwIfAborted()
    const checked = checkedKey(table.text(number))
    if (checked !== undefined && fetch.fetchDirectly(checked)) await onKept(number)
  }
}
