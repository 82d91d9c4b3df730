import type { Duplex } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Bytes } from '../../core/source.ts'

const CHUNK_BYTES = 256 * 1024

export function inflate(input: Bytes): Bytes {
  return through(zlib.createInflateRaw({ chunkSize: CHUNK_BYTES }), input)
}

type ZstdOfNewerNode = { createZstdDecompress?: (options: { chunkSize: number }) => Duplex }
const { createZstdDecompress } = zlib as ZstdOfNewerNode

/** undefined where node has no Zstandard (before 22.15). */
export const unpackZstandard: ((input: Bytes) => Bytes) | undefined =
  createZstdDecompress && ((input) => through(createZstdDecompress({ chunkSize: CHUNK_BYTES }), input))

/**
 * Sends bytes through a transform, one chunk at a time: a chunk of the input is ours only until we
 * ask for the next, and when the consumer stops, nobody may still be reading. What comes after the
 * end of the packed data is read and ignored.
 */
async function* through(transform: Duplex, input: Bytes): Bytes {
  let wake = () => {}
  let failure: { error: unknown } | undefined
  let ended = false
  transform.on('readable', () => wake())
  transform.on('end', () => {
    ended = true
    wake()
  })
  transform.on('error', (error) => {
    failure = { error }
    wake()
  })
  const outputUntil = async function* (isDone: () => boolean) {
    for (;;) {
      if (failure !== undefined) throw failure.error
      const output: Buffer | null = transform.read()
      if (output !== null) yield output
      else if (ended || isDone()) return
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }
  try {
    for await (const chunk of input) {
      if (ended) continue
      let taken = false
      transform.write(chunk, () => {
        taken = true
        wake()
      })
      yield* outputUntil(() => taken)
    }
    transform.end()
    yield* outputUntil(() => false)
  } finally {
    transform.destroy()
  }
}
