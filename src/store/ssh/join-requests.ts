import type { Writable } from 'node:stream'

/**
 * What is used of ssh2's SFTP session besides its public interface. Its version is pinned, and the
 * conformance suite holds it.
 */
export interface SftpSender {
  _protocol: SftpProtocol
  readonly outgoing: { readonly packetSize: number }
}

interface SftpProtocol {
  channelData(id: number, bytes: Buffer): void
  channelClose(id: number): void
}

/**
 * Has an SFTP session send the requests of one turn in as few SSH packets as hold them: a packet is
 * padded, encrypted and checked by itself, on both ends, which costs more than what is in it.
 * Returns what to cork while requests are made; `output` is corked with it.
 */
export function joinRequests(
  session: SftpSender,
  output: Pick<Writable, 'cork' | 'uncork'>,
): Pick<Writable, 'cork' | 'uncork'> {
  const protocol = session._protocol
  let isCorked = false
  let waiting: Buffer[] = []
  let length = 0
  let channel = 0
  const flush = () => {
    if (length === 0) return
    const bytes = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting, length)
    waiting = []
    length = 0
    protocol.channelData(channel, bytes)
  }
  session._protocol = {
    channelData: (id, bytes) => {
      if (!isCorked) return protocol.channelData(id, bytes)
      if (length + bytes.length > session.outgoing.packetSize) flush()
      channel = id
      waiting.push(bytes)
      length += bytes.length
    },
    channelClose: (id) => {
      flush()
      protocol.channelClose(id)
    },
  }
  return {
    cork: () => {
      isCorked = true
      output.cork()
    },
    uncork: () => {
      isCorked = false
      flush()
      output.uncork()
    },
  }
}
