import type { Bytes, Source } from '../../../src/core/source.ts'

/** What a hostile source fails with. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
}

/** Deterministic content that differs at every offset: the same seed gives the same bytes. */
export function content(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = Math.imul(seed, 0x9e3779b1) | 1
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return bytes
}

/** An honest source that gives its content in chunks of `chunkBytes`. */
export function chunkedSource(bytes: Buffer, chunkBytes: number): Source {
  return { size: bytes.length, open: () => chunked(bytes, chunkBytes) }
}

/**
 * Gives every chunk in one and the same buffer, as the Bytes contract allows, with empty chunks in
 * between.
 */
export function reusingSource(bytes: Buffer, chunkBytes: number): Source {
  return {
    size: bytes.length,
    async *open() {
      const buffer = Buffer.alloc(chunkBytes)
      for (let i = 0; i < bytes.length; i += chunkBytes) {
        const length = bytes.copy(buffer, 0, i, i + chunkBytes)
        yield buffer.subarray(0, length)
        buffer.fill(0xee)
        yield buffer.subarray(0, 0)
      }
    },
  }
}

/** Ends before its size. */
export function shortSource(bytes: Buffer, missing = 1): Source {
  return { size: bytes.length + missing, open: () => chunked(bytes, 1000) }
}

/** Gives more than its size. */
export function longSource(bytes: Buffer, extra = 1): Source {
  return { size: bytes.length - extra, open: () => chunked(bytes, 1000) }
}

/** Never ends. */
export function endlessSource(size: number): Source {
  return {
    size,
    async *open() {
      for (;;) yield Buffer.alloc(64 * 1024)
    },
  }
}

/** Throws after `after` bytes. */
export function failingSource(size: number, after: number, error: unknown = new SourceFailure('bad sector')): Source {
  return {
    size,
    async *open() {
      yield* chunked(content(after), 1000)
      throw error
    },
  }
}

/** Throws as soon as it is opened. */
export function unopenableSource(size: number, error: unknown = new SourceFailure('no such file')): Source {
  return {
    size,
    open() {
      throw error
    },
  }
}

/**
 * Gives `after` bytes and then nothing, for ever; it does not listen to any signal. `stalled`
 * resolves when it got there.
 */
export function stallingSource(size: number, after: number): Source & { readonly stalled: Promise<void> } {
  let reached = () => {}
  const stalled = new Promise<void>((resolve) => {
    reached = resolve
  })
  return {
    size,
    stalled,
    async *open() {
      yield* chunked(content(after), 1000)
      reached()
      await new Promise(() => {})
    },
  }
}

async function* chunked(bytes: Buffer, chunkBytes: number): Bytes {
  for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes)
}
