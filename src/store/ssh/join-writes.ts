import type { Socket } from 'node:net'

/**
 * Has a socket give the system what is written to it in one turn with one call. ssh2 writes the
 * length, the content and the checksum of each packet one by one, and without Nagle's algorithm
 * each of them would leave, and wake the server up, alone. Returns the socket.
 */
export function joinWrites<S extends Pick<Socket, 'write' | 'cork' | 'uncork'>>(socket: S): S {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  let isCorked = false
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  socket.write = (...args: unknown[]) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(uncork)
    }
    return write(...args)
  }
  return socket
}
