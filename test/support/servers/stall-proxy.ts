import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * A TCP proxy on 127.0.0.1 that can misbehave like a bad network. Directions: `up` to the server,
 * `down` from it.
 */
export interface StallProxy {
  readonly port: number
  /** Connections accepted so far. */
  connections(): number
  /** Bytes forwarded so far on all connections, both ways. */
  forwarded(): { readonly up: number; readonly down: number }
  /** Stops forwarding, on open and on new connections, without closing anything. */
  stall(): void
  /** Stops forwarding once so many more bytes went that way. */
  stallAfter(bytes: number, direction: Direction): void
  /** Accepts and forwards again, what was held back first. */
  resume(): void
  /** Closes all open connections on both sides, in the middle of whatever they were sending. */
  cut(): void
  /**
   * Does so once so many more bytes went that way; with `refuse` nobody gets through afterwards.
   */
  cutAfter(bytes: number, direction: Direction, then?: 'refuse'): void
  /** New connections are closed at once, until `resume`. */
  refuse(): void
  /** Holds each byte back for so long, each way. */
  delay(ms: number): void
  stop(): Promise<void>
}

export type Direction = 'up' | 'down'

interface Limit {
  readonly direction: Direction
  readonly at: number
  readonly act: () => void
}

export async function startStallProxy(
  targetPort: number,
  options: { readonly delayMs?: number } = {},
): Promise<StallProxy> {
  const sockets = new Set<Socket>()
  const forwarded = { up: 0, down: 0 }
  let delayMs = options.delayMs ?? 0
  let stalled = false
  let refusing = false
  let resumers: (() => void)[] = []
  let limit: Limit | undefined
  let accepted = 0

  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const stall = () => {
    stalled = true
  }
  const limitIn = (bytes: number, direction: Direction, act: () => void) => {
    limit = { direction, at: forwarded[direction] + bytes, act }
  }

  /**
   * Passes on the part of a chunk that the limit allows, acts when it is reached, and returns the
   * rest.
   */
  const upToLimit = (chunk: Buffer, direction: Direction): [Buffer, Buffer] => {
    const room = limit?.direction === direction ? limit.at - forwarded[direction] : Number.POSITIVE_INFINITY
    const length = Math.max(0, Math.min(room, chunk.length))
    forwarded[direction] += length
    return [chunk.subarray(0, length), chunk.subarray(length)]
  }

  const pump = async (from: Socket, to: Socket, direction: Direction) => {
    const due: { chunk: Buffer; at: number }[] = []
    let wake = () => {}
    let ended = false
    from.on('data', (chunk: Buffer) => {
      due.push({ chunk, at: performance.now() + delayMs })
      if (due.length > 64) from.pause()
      wake()
    })
    from.on('close', () => {
      ended = true
      wake()
    })
    from.on('end', () => {
      ended = true
      wake()
    })
    for (;;) {
      const next = due.shift()
      if (next === undefined) {
        if (ended) break
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (due.length <= 64 && !from.destroyed) from.resume()
      const wait = next.at - performance.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      let rest = next.chunk
      while (rest.length > 0 && !to.destroyed) {
        if (stalled) await new Promise<void>((resolve) => resumers.push(resolve))
        const [now, later] = upToLimit(rest, direction)
        if (now.length > 0 && !to.write(now)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {})
        rest = later
        if (limit?.direction === direction && forwarded[direction] >= limit.at) {
          const { act } = limit
          limit = undefined
          act()
        }
      }
    }
    to.end()
  }

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    accepted += 1
    if (refusing) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    void pump(client, upstream, 'up')
    void pump(upstream, client, 'down')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  return {
    port: address.port,
    connections: () => accepted,
    forwarded: () => ({ ...forwarded }),
    stall,
    stallAfter: (bytes, direction) => limitIn(bytes, direction, stall),
    resume: () => {
      stalled = false
      refusing = false
      limit = undefined
      for (const resume of resumers.splice(0)) resume()
      resumers = []
    },
    cut,
    cutAfter: (bytes, direction, then) =>
      limitIn(bytes, direction, () => {
        refusing = then === 'refuse'
        cut()
      }),
    refuse: () => {
      refusing = true
    },
    delay: (ms) => {
      delayMs = ms
    },
    stop: async () => {
      cut()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}
