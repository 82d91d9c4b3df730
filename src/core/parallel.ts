import { Turns } from './process/turns.ts'

/**
 * Does `work` for each item, `limit` at a time. The first failure is thrown, once the work that is
 * under way has ended; nothing new is begun after it. Where no work waits for anything, the rest of
 * the process has its turn all the same: signals, timers, and memory that can go only then.
 */
export async function forEachParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const turns = new Turns()
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const item of items) {
      const task: Promise<void> = work(item)
        .then(
          () => {},
          (error: unknown) => {
            failure ??= { error }
          },
        )
        .finally(() => running.delete(task))
      running.add(task)
      if (running.size >= limit) await Promise.race(running)
      const pause = turns.pause()
      if (pause !== undefined) await pause
      if (failure !== undefined) break
    }
  } finally {
    await Promise.all(running)
  }
  if (failure !== undefined) throw failure.error
}

/**
 * What `work` makes of each item, in the order of the items; it is done ahead, for `limit` items at
 * a time. The first failure is thrown in its turn. A reader that stops waits for the work that is
 * under way.
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const ahead: Promise<R>[] = []
  try {
    for await (const item of items) {
      const begun = work(item)
      begun.catch(() => {}) // thrown in its turn
      ahead.push(begun)
      if (ahead.length < limit) continue
      const first = ahead.shift()
      if (first !== undefined) yield await first
    }
    for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) yield await first
  } finally {
    await Promise.allSettled(ahead)
  }
}

/** Cuts a list into pieces of `length`. */
export function* chunksOf<T>(items: Iterable<T>, length: number): Iterable<T[]> {
  let chunk: T[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < length) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}
