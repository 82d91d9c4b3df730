import type { Bytes } from '../../core/source.ts'
import type { ByteRange } from '../store.ts'
import type { PartBuffers } from './part-buffers.ts'

/** A part that is read ahead has so many bytes. */
export const AHEAD_PART_BYTES = 8 * 1024 * 1024

/**
 * What all downloads may hold: less than uploads, for the chunks that were handed on stay in memory
 * for a while, too. Bytes.
 */
const AHEAD_BYTES = 8 * AHEAD_PART_BYTES

/** Less than this is read by one request. Bytes. */
export const AHEAD_MIN_BYTES = 4 * AHEAD_PART_BYTES

export interface Part extends ByteRange {
  readonly end: number
}

export interface AheadSettings {
  /** Streams exactly the bytes of a part; may be asked again, for the rest of one. */
  readonly open: (part: Part, signal: AbortSignal) => Bytes
  /** Does a part again, if that may help. */
  readonly again: <T>(call: { readonly signal: AbortSignal }, work: () => Promise<T>) => Promise<T>
  readonly parallel: number
  readonly memory: PartBuffers
}

/**
 * Reads a range in parts of which several are on their way at once, and gives the bytes in their
 * order: so a file that is written grows from its start, once. Parts that are ahead wait in memory.
 */
export async function* readAhead(whole: Part, { open, again, parallel, memory }: AheadSettings): Bytes {
  const ahead: AheadPart[] = []
  let next = whole.start
  const begin = () => {
    while (next < whole.end && ahead.length < parallel) {
      if (ahead.length > 0 && !memory.hasRoom(AHEAD_PART_BYTES, AHEAD_BYTES)) return
      const end = Math.min(next + AHEAD_PART_BYTES, whole.end)
      memory.reserve(AHEAD_PART_BYTES)
      ahead.push(new AheadPart({ start: next, end }, open, again))
      next = end
    }
  }
  try {
    for (;;) {
      begin()
      const [part] = ahead
      if (part === undefined) return
      yield* part.bytes()
      ahead.shift()
      memory.release(AHEAD_PART_BYTES)
    }
  } finally {
    for (const part of ahead) {
      part.stop()
      memory.release(AHEAD_PART_BYTES)
    }
  }
}

/** A part on its way: it comes as fast as it can, and is kept until it is asked for. */
class AheadPart {
  readonly #chunks: Uint8Array[] = []
  readonly #stop = new AbortController()
  #state: 'coming' | 'whole' | { readonly error: unknown } = 'coming'
  #wake: (() => void) | undefined

  constructor({ start, end }: Part, open: AheadSettings['open'], again: AheadSettings['again']) {
    const { signal } = this.#stop
    let position = start
    const read = async () => {
      if (position === end) return
      for await (const chunk of open({ start: position, end }, signal)) {
        position += chunk.length
        this.#chunks.push(chunk)
        this.#wake?.()
      }
    }
    again({ signal }, read).then(
      () => this.#end('whole'),
      (error: unknown) => this.#end({ error }),
    )
  }

  async *bytes(): Bytes {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) yield chunk
      else if (this.#state === 'whole') return
      else if (this.#state !== 'coming') throw this.#state.error
      else {
        await new Promise<void>((wake) => {
          this.#wake = wake
        })
      }
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  #end(state: 'whole' | { readonly error: unknown }): void {
    this.#state = state
    this.#wake?.()
  }
}
