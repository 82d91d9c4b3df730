import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/**
 * No answer that is parsed is longer: a listing of a thousand keys of 1,024 bytes, each of them
 * escaped. Bytes.
 */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** The server sends more than any answer has. */
export class AnswerTooLong extends Error {
  constructor() {
    super(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`)
  }
}

/** What is known of an answer whose body is yet to come. */
interface Coming {
  readonly packing: string | undefined
  readonly onBytes: (() => void) | undefined
}

const coming = new WeakMap<object, Coming>()

/** Notes how an answer's body is packed, and which call wants to know when some of it comes. */
export function expectAnswer(body: unknown, packing: string | undefined, onBytes: (() => void) | undefined): void {
  if (typeof body === 'object' && body !== null && (packing ?? onBytes)) coming.set(body, { packing, onBytes })
}

/**
 * Collects an answer that is to be parsed, in the place of the SDK's own collector, which takes
 * whatever comes. Unpacks what was packed against our wish. Rejects with AnswerTooLong, and as the
 * stream does.
 */
export async function collectAnswer(stream: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const { packing, onBytes } = coming.get(stream) ?? {}
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    onBytes?.()
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new AnswerTooLong()
    chunks.push(chunk)
  }
  const [first] = chunks
  const answer = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length)
  return withoutBlanks(packing === undefined ? answer : unpack(answer, packing))
}

const UNPACK: Readonly<Record<string, typeof gunzipSync>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** What is not packed after all stays as it is: then the parser says what is wrong with it. */
function unpack(answer: Buffer, packing: string): Buffer {
  try {
    return UNPACK[packing]?.(answer, { maxOutputLength: MAX_ANSWER_BYTES }) ?? answer
  } catch (error) {
    if (error instanceof RangeError) throw new AnswerTooLong()
    return answer
  }
}

/** Servers send blanks while they work, and the SDK looks for an error at the very end only. */
function withoutBlanks(answer: Buffer): Uint8Array {
  let [start, end] = [0, answer.length]
  while (start < end && isBlank(answer[start])) start += 1
  while (end > start && isBlank(answer[end - 1])) end -= 1
  return answer.subarray(start, end)
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
