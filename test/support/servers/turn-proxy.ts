import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A TCP proxy on 127.0.0.1 that counts how often the client spoke after it had heard from the
 * server: round trips.
 */
export interface TurnProxy {
  readonly port: number
  /** Turns since the last `forget`. */
  turns(): number
  forget(): void
  /** Resolves when nobody has spoken for so long; ms. */
  quiet(ms: number): Promise<void>
  stop(): Promise<void>
}

/**
 * Each way takes `delayMs`, far longer than anybody needs to answer: so what is sent in one go is
 * one turn. On a busy machine it takes longer: who is in this process gets as many turns of its
 * event loop.
 */
export async function startTurnProxy(targetPort: number, delayMs: number): Promise<TurnProxy> {
  let turns = 0
  let clientSpoke = false
  /** Chunks that came, and that were passed on. */
  let steps = 0
  const sockets = new Set<import('node:net').Socket>()
  const server = createServer((client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', async (chunk) => {
      if (!clientSpoke) turns += 1
      clientSpoke = true
      steps += 1
      await wait(delayMs)
      steps += 1
      target.write(chunk)
    })
    target.on('data', async (chunk) => {
      steps += 1
      await wait(delayMs)
      steps += 1
      clientSpoke = false
      client.write(chunk)
    })
    client.on('end', () => target.end())
    target.on('end', () => client.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    turns: () => turns,
    forget() {
      turns = 0
      clientSpoke = false
    },
    async quiet(ms) {
      for (let seen = -1; seen !== steps; ) {
        seen = steps
        await wait(ms)
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function wait(ms: number): Promise<void> {
  for (let waited = 0; waited < ms; waited += 2) await sleep(2)
}
