import { createServer, type Server, type Socket } from 'node:net'

/** A server that knows no protocol: a test says what it answers. */
export interface SocketServer {
  readonly url: URL
  /** Connections that were made, in this order. */
  readonly made: readonly Socket[]
  close(): void
}

/** Starts one on 127.0.0.1. `onBytes` gets whatever comes, decoded as latin1. */
export async function startSocketServer(onBytes: (socket: Socket, bytes: string) => void): Promise<SocketServer> {
  const made: Socket[] = []
  const server: Server = createServer((socket) => {
    made.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => onBytes(socket, bytes.toString('latin1')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const close = () => {
    for (const socket of made) socket.destroy()
    server.close()
  }
  return { url: new URL(`http://127.0.0.1:${port}`), made, close }
}
