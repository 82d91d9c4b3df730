import { stat } from 'node:fs/promises'
import { close, open, readDescriptor } from './files.ts'

/** Bytes in order. A chunk belongs to the receiver only until it asks for the next one. */
export type Bytes = AsyncIterable<Uint8Array>

/** Content to be stored. It can be opened again from its start, so that an upload can be retried. */
export interface Source {
  /** Length in bytes. Whoever stores it checks that exactly so many came. */
  readonly size: number
  /** Set when the content is a plain local file that will not change, so that a backend may copy it its own way. */
  readonly file?: string | Buffer
  open(signal?: AbortSignal): Bytes
}

/** A local file as a Source, read `chunkBytes` at a time. Throws node's error when it cannot be read. */
export async function fileSource(file: string | Buffer, chunkBytes?: number): Promise<Source> {
  const { size } = await stat(file)
  return { size, file, open: (signal) => readFileBytes(file, signal, chunkBytes) }
}

async function* readFileBytes(file: string | Buffer, signal?: AbortSignal, chunkBytes?: number): Bytes {
  const fd = await open(file, 'r')
  try {
    yield* readDescriptor(fd, 0, Number.POSITIVE_INFINITY, signal, chunkBytes)
  } finally {
    await close(fd)
  }
}

export function bufferSource(content: Uint8Array | string): Source {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return {
    size: bytes.length,
    async *open() {
      if (bytes.length > 0) yield bytes
    },
  }
}

/** Collects everything into one buffer. Throws when there is more than `limit` bytes: for small things only. */
export async function collect(bytes: Bytes, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > limit) throw new RangeError(`more than ${limit} bytes`)
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks, length)
}
