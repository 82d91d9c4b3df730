import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

/** What is handed to a socket at once: each tells the watchdog that something moves. Bytes. */
const SLICE_BYTES = 256 * 1024

/** Signs the request for this content, or (`unsigned`) says that it is not covered by the signature. */
export function payloadHash(content: Buffer, unsigned: boolean): string {
  return unsigned ? 'UNSIGNED-PAYLOAD' : createHash('sha256').update(content).digest('hex')
}

interface Step {
  readonly request: unknown
}

interface Command {
  readonly middlewareStack: { add(middleware: never, options: never): void }
}

/** Sets the hash of the content before the request is signed: the SDK would not sign a stream. */
export function withPayloadHash<C extends Command>(command: C, hash: string): C {
  const setHash = (next: (step: Step) => Promise<unknown>) => (step: Step) => {
    ;(step.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = hash
    return next(step)
  }
  command.middlewareStack.add(setHash as never, { step: 'build', name: 'payloadHash' } as never)
  return command
}

/** Adds the checksum that older servers want of some requests, and which the SDK has given up for others. */
export function withMd5<C extends Command>(command: C): C {
  const addMd5 = (next: (step: Step) => Promise<unknown>) => (step: Step) => {
    const { body, headers } = step.request as { body: string; headers: Record<string, string> }
    headers['content-md5'] = md5(body)
    return next(step)
  }
  command.middlewareStack.add(addMd5 as never, { step: 'build', name: 'contentMd5' } as never)
  return command
}

/** As the header Content-MD5 has it. */
export function md5(content: string): string {
  return createHash('md5').update(content).digest('base64')
}

/**
 * The content for a request, as a stream that tells how much of it went out; what is small goes out at once, in one packet with the
 * headers where that fits, and is told by the caller.
 */
export function bodyOf(content: Buffer, onSent: (bytes: number) => void): Readable | Buffer {
  if (!isStreamed(content)) return content
  const slices = function* () {
    for (let i = 0; i < content.length; i += SLICE_BYTES) {
      const slice = content.subarray(i, i + SLICE_BYTES)
      yield slice
      onSent(slice.length)
    }
  }
  return Readable.from(slices(), { objectMode: true, highWaterMark: 1 })
}

export function isStreamed(content: Buffer): boolean {
  return content.length > SLICE_BYTES
}
