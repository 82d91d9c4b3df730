import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bufferSource, collect } from '../../../src/core/source.ts'
import type { Consumer, GetOptions, Store } from '../../../src/store/store.ts'
import { withLimit } from '../../../src/store/wrappers/limit.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { withTrace } from '../../../src/store/wrappers/trace.ts'
import { withWatchdog } from '../../../src/store/wrappers/watchdog.ts'

/** Larger than anything that a test reads. */
const LIMIT_BYTES = 64 * 1024 * 1024

/** The store in all wrappers, as open.ts composes them; quick, so that a test need not wait. */
export function wrapped(store: Store): Store {
  const watched = withWatchdog(store, { stallMs: 20_000 })
  return withTrace(withRetry(withLimit(watched), { retries: 2, minDelayMs: 1, maxDelayMs: 5 }), { log: () => {} })
}

/** A store whose methods are those of `store`, but for some. */
export function withMethods(store: Store, methods: Partial<Store>): Store {
  return {
    traits: store.traits,
    stat: (...all) => store.stat(...all),
    statAll: (...all) => store.statAll(...all),
    get: (...all) => store.get(...all),
    put: (...all) => store.put(...all),
    remove: (...all) => store.remove(...all),
    list: (...all) => store.list(...all),
    children: (...all) => store.children(...all),
    append: (...all) => store.append(...all),
    move: (...all) => store.move(...all),
    freeBytes: (...all) => store.freeBytes(...all),
    exec: (...all) => store.exec(...all),
    thaw: store.thaw && (async (...all) => store.thaw?.(...all)),
    keeping: store.keeping?.bind(store),
    removeOld: store.removeOld?.bind(store),
    removeAll: store.removeAll && ((...all) => store.removeAll?.(...all) ?? Promise.resolve()),
    close: () => store.close(),
    ...methods,
  }
}

/** The content of a file, or of a part of it. */
export async function read(store: Store, path: string, options?: GetOptions): Promise<Buffer> {
  let content: Buffer | undefined
  const consume: Consumer = async (bytes) => {
    content = await collect(bytes, LIMIT_BYTES)
  }
  await store.get(path, consume, options)
  if (content === undefined) throw new Error('get resolved without calling its consumer')
  return content
}

export async function write(store: Store, path: string, content: Uint8Array | string): Promise<void> {
  await store.put(path, bufferSource(content))
}

export async function listed<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

/** The paths below a directory, sorted. */
export async function paths(store: Store, directory: string): Promise<string[]> {
  return (await listed(store.list(directory))).map(({ path }) => path).sort()
}

/** An empty directory of this machine; `remove` takes it away with all that is in it. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'riastore-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
