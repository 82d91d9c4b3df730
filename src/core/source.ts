import { diskFiles, FILE_CHUNK_BYTES, readDescriptor } from './files.ts'

/** Bytes in order. A chunk belongs to the receiver only until it asks for the next one. */
export type Bytes = AsyncIterable<Uint8Array>

/**
 * Content to be stored. It can be opened again from its start, so that an upload can be retried.
 */
export interface Source {
  /** Length in bytes. Whoever stores it checks that exactly so many came. */
  readonly size: number
  open(signal?: AbortSignal): Bytes
}

/**
 * A file of the user's repository as a Source, read `chunkBytes` at a time. Throws node's error
 * when it cannot be read. A repository whose file system hangs hangs git-annex before us, so the
 * calls need no patience.
 */
export async function fileSource(file: string | Buffer, chunkBytes: number = FILE_CHUNK_BYTES): Promise<Source> {
  const { size } = await diskFiles.stat(file)
  return { size, open: (signal) => readFileBytes(file, size, chunkBytes, signal) }
}

async function* readFileBytes(file: string | Buffer, size: number, chunkBytes: number, signal?: AbortSignal): Bytes {
  const fd = await diskFiles.open(file, 'r')
  try {
    // One byte more than it had: content that grew since is noticed.
    yield* readDescriptor(diskFiles, fd, 0, size + 1, signal, { chunkBytes })
  } finally {
    await diskFiles.close(fd)
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

/**
 * Collects everything into one buffer. Throws RangeError when there is more than `limit` bytes: for
 * small things only.
 */
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
