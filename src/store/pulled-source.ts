import type { Bytes, Source } from '../core/source.ts'
import { Handover } from './handover.ts'

/**
 * Hands bytes to `consume`, from the position that `start` gives; it may do so again from where
 * that is then, after a failure.
 */
export type PushBytes = (
  consume: (bytes: Bytes) => Promise<void>,
  options: { readonly start: () => number; readonly signal: AbortSignal },
) => Promise<void>

/**
 * What is handed out by a call, as something that can be stored. `size` in bytes. What `push`
 * throws comes out where it is read.
 */
export function pulledSource(size: number, push: PushBytes): Source {
  return { size, open: (signal) => pull(push, signal) }
}

async function* pull(push: PushBytes, signal: AbortSignal | undefined): Bytes {
  const stop = new AbortController()
  const handed = new Handover()
  let position = 0
  const take = async (bytes: Bytes) => {
    for await (const chunk of bytes) {
      await handed.give(chunk)
      position += chunk.length
    }
  }
  const signals = [stop.signal, ...(signal ? [signal] : [])]
  const pushing = push(take, { start: () => position, signal: AbortSignal.any(signals) }).then(
    () => handed.end(),
    (error: unknown) => handed.fail(error),
  )
  try {
    yield* handed
  } finally {
    stop.abort()
    handed.stop()
    await pushing
  }
}
