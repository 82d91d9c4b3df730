import { forEachParallel } from '../../core/parallel.ts'
import { Turns } from '../../core/process/turns.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { keyPaths } from '../../ria/layout/paths.ts'
import { objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import { readTogether } from '../../store/read-together.ts'
import { type CheckedKey, SMALL_BYTES } from '../clone/content.ts'
import { checkedKey, type Fetch } from '../fetch.ts'
import type { OpenRemote } from '../open-remote.ts'
import type { FetchSmallOptions } from './fetch-directly.ts'

/** After so many keys in a row that did not come, the others are not asked for either. */
const MAX_MISSES = 32

/**
 * Of a store that has requests for small files one call brings so many keys. While the last ones of
 * it come, another call keeps the connections busy.
 */
const CALL_KEYS = 64
const FIRST_CALL_KEYS = 16
const CALLS_AT_ONCE = 2

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
 * say; all others are left as they are. From an object store each comes by a request, without what
 * a call of the store does besides. Throws what `onKept` throws, and StoreError when nothing comes
 * any more.
 */
export async function fetchTogether(
  remote: OpenRemote,
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
  fetch: Fetch,
  options: FetchSmallOptions,
): Promise<void> {
  const { store, directory, layout } = remote
  const { signal, onKept } = options
  if (store.traits.local || !fetch.isUnlimited) return
  if (store.getSmall !== undefined) return fetchSmall(remote, table, numbers, fetch, options)
  if (!store.traits.exec) return
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

/** A request each, from where a request costs less than a call of the store. */
async function fetchSmall(
  { store, directory, layout }: OpenRemote,
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
  fetch: Fetch,
  { jobs = store.traits.maxInFlight, signal, onKept }: FetchSmallOptions,
): Promise<void> {
  const callsAtOnce = jobs < 2 * CALLS_AT_ONCE ? 1 : CALLS_AT_ONCE
  const atOnce = Math.floor(jobs / callsAtOnce)
  let misses = 0
  let isProven = false
  // A few, until it shows that they come in this way.
  const mostInBatch = () => (isProven ? CALL_KEYS : FIRST_CALL_KEYS)
  await forEachParallel(batchesOf(table, numbers, mostInBatch), callsAtOnce, async (batch) => {
    if (misses >= MAX_MISSES) return
    const files = batch.map(({ checked: { key, size } }) => {
      const [path = ''] = keyPaths(directory, layout.dataset.version, key.text)
      return { path, size }
    })
    const kept: number[] = []
    const onContent = (index: number, content: Uint8Array) => {
      const asked = batch[index]
      if (asked !== undefined && fetch.take(asked.checked, content)) kept.push(asked.number)
    }
    try {
      await store.getSmall?.(files, { atOnce, onContent, signal })
    } finally {
      for (const number of kept) await onKept(number)
    }
    isProven ||= kept.length > 0
    misses = kept.length > 0 ? 0 : misses + batch.length
    signal?.throwIfAborted()
  })
}

async function* batchesOf(
  table: KeyTable,
  numbers: Iterable<number> | AsyncIterable<number>,
  mostKeys: () => number = () => Number.POSITIVE_INFINITY,
): AsyncGenerator<Asked[], void, void> {
  let batch: Asked[] = []
  let bytes = 0
  for await (const number of numbers) {
    const checked = checkedKey(table.text(number))
    if (checked === undefined || checked.size > SMALL_BYTES) continue
    batch.push({ number, checked })
    bytes += checked.size + KEY_BYTES
    if (batch.length < mostKeys() && bytes < BATCH_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
