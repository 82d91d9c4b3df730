import { forEachParallel } from '../../core/parallel.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import { readTogether } from '../../store/read-together.ts'
import { type CheckedKey, SMALL_BYTES } from '../clone/content.ts'
import { Turns } from '../clone/turns.ts'
import { checkedKey, type Fetch } from '../fetch.ts'
import type { OpenRemote } from '../open-remote.ts'
import type { FetchSmallOptions } from './fetch-directly.ts'

/** Fewer are asked for one by one: that takes as long as to start a program for them. */
const LEAST_KEYS = 64

/** So much is asked for at once, counting what a key costs besides its content. Bytes. */
const BATCH_BYTES = 8 * 1024 * 1024
const KEY_BYTES = 2048

/** While one batch is written here the next is read there. */
const BATCHES_AT_ONCE = 2

interface Asked {
  readonly number: number
  readonly checked: CheckedKey
}

/**
 * Brings small loose keys many at a time, from a host that runs programs for us: a key of its own
 * takes eight messages there and back. `onKept` gets those that came and are what their checksums
 * say; all others are left as they are. Throws what `onKept` throws, and StoreError `aborted`.
 */
export async function fetchTogether(
  remote: OpenRemote,
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
  fetch: Fetch,
  { signal, onKept }: FetchSmallOptions,
): Promise<void> {
  const { store, directory, layout } = remote
  if (store.traits.local || !store.traits.exec || !fetch.isUnlimited) return
  let isOver = false
  const turns = new Turns()
  await forEachParallel(batchesOf(table, numbers), BATCHES_AT_ONCE, async (batch) => {
    if (isOver || batch.length < LEAST_KEYS) return
    const places = new Map<string, Asked>()
    for (const each of batch) places.set(placesOf(each.checked.key.text, layout.dataset.version)[0] ?? '', each)
    const members = await readTogether(store, objectsDirectory(directory), [...places.keys()], { signal })
    if (members === undefined) {
      isOver = true
      return
    }
    for (const { path, content } of members) {
      await turns.pause()
      signal?.throwIfAborted()
      const asked = places.get(path)
      if (asked === undefined || !places.delete(path) || !fetch.take(asked.checked, content)) continue
      await onKept(asked.number)
    }
  })
}

async function* batchesOf(
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
): AsyncGenerator<Asked[], void, void> {
  let batch: Asked[] = []
  let bytes = 0
  for await (const number of numbers) {
    const checked = checkedKey(table.text(number))
    if (checked === undefined || checked.size > SMALL_BYTES) continue
    if (bytes + checked.size + KEY_BYTES > BATCH_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ number, checked })
    bytes += checked.size + KEY_BYTES
  }
  if (batch.length > 0) yield batch
}
