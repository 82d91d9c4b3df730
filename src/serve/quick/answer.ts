import type { Socket } from 'node:net'
import { diskFiles } from '../../core/files.ts'
import type { Part } from '../content.ts'
import { isUnchanged, type OpenFile } from './disk-file.ts'
import type { CheckedPlace } from './loose-keys.ts'

/** What was sent of a content, and why no more. */
export interface Sent {
  /** Bytes of the content. */
  readonly bytes: number
  /** In one line. Without, the client has all of it, or is gone. */
  readonly failure?: string | undefined
}

/** Up to so many bytes head and content are joined, which costs less than to send two things. */
const JOINED_BYTES = 16 * 1024

/** Of what is in memory, so much is given to the system at once. Bytes. */
const PIECE_BYTES = 256 * 1024

/** All that files are read into, and what each of them has at least and at most. Bytes. */
const ALL_BUFFERS = 32 * 1024 * 1024
const MIN_BUFFER = 64 * 1024
const MAX_BUFFER = 512 * 1024

let filesUnderWay = 0

/** Sends a content that is in memory. */
export async function sendHeld(socket: Socket, head: string, content: Buffer): Promise<Sent> {
  if (content.length <= JOINED_BYTES) {
    const bytes = Buffer.allocUnsafe(head.length + content.length)
    bytes.write(head, 'latin1')
    content.copy(bytes, head.length)
    return { bytes: (await isTaken(socket, bytes)) ? content.length : 0 }
  }
  socket.cork()
  socket.write(head, 'latin1')
  for (let start = 0; start < content.length; start += PIECE_BYTES) {
    const taken = isTaken(socket, content.subarray(start, start + PIECE_BYTES))
    if (start === 0) socket.uncork()
    if (!(await taken)) return { bytes: start }
  }
  return { bytes: content.length }
}

/** What of a file is sent. */
export interface FilePart extends Pick<CheckedPlace, 'size' | 'checksum'> {
  /** It was held against its checksum before. */
  readonly isChecked: boolean
  /** Undefined: all of it. */
  readonly part: Part | undefined
}

/**
 * Sends a file, or a part of it. All of it is held against its checksum, unless it `isChecked`; the
 * last bytes of one that is damaged, or that was changed meanwhile, are never sent.
 */
export async function sendFile(
  socket: Socket,
  head: string,
  file: OpenFile,
  { size, checksum, isChecked, part }: FilePart,
): Promise<Sent> {
  const { start, end } = part ?? { start: 0, end: size }
  const hasher = isChecked || part !== undefined ? undefined : await checksum.start()
  filesUnderWay += 1
  try {
    const most = Math.min(MAX_BUFFER, Math.max(MIN_BUFFER, ALL_BUFFERS / filesUnderWay))
    const buffer = Buffer.allocUnsafeSlow(Math.min(end - start, Math.floor(most)))
    if (!(await isTaken(socket, Buffer.from(head, 'latin1')))) return { bytes: 0 }
    for (let position = start; position < end; ) {
      const bytes = position - start
      const count = await diskFiles.read(file.fd, buffer, Math.min(buffer.length, end - position), position)
      if (count === 0) return { bytes, failure: 'the copy was cut off while it was read' }
      const piece = buffer.subarray(0, count)
      hasher?.update(piece)
      const isLast = position + count === end
      if (isLast && hasher !== undefined && hasher.hex() !== checksum.expected)
        return { bytes, failure: "the copy is damaged: its content does not have the key's checksum" }
      if (isLast && hasher === undefined && !isUnchanged(file))
        return { bytes, failure: 'the copy was changed while it was read' }
      if (!(await isTaken(socket, piece))) return { bytes }
      position += count
    }
    return { bytes: end - start }
  } finally {
    filesUnderWay -= 1
  }
}

/** Resolves when the system has taken it; false when the client is gone. */
export function isTaken(socket: Socket, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(bytes, (error) => resolve(error === undefined || error === null))
  })
}
