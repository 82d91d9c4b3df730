import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../errors.ts'

/** One that has the turn for so long may be stopped: then nobody waits for it any more. ms. */
const LIMIT_MS = 120_000

/** It is waited for at most so many times that long in all: a hundred jobs take some of them. */
const MOST_LIMITS = 30

/**
 * When nobody can be asked who has the turn, or that one had it for hardly any time, it is asked
 * again after this at most. ms.
 */
const ASK_AGAIN_MS = 100
const HARDLY_ANY_MS = 10

export interface TurnOptions {
  readonly limitMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Has processes of one user on one machine do something one after the other, if they ask under the
 * same name. It is a courtesy that saves work, and no lock: where nobody can be asked, or who has
 * the turn keeps it for too long, the work is done all the same. The kernel passes the turn on when
 * a process ends, however it ends. Throws what `work` throws.
 */
export async function inTurn<T>(name: string, work: () => Promise<T>, options: TurnOptions = {}): Promise<T> {
  const turn = await take(turnAddress(name), options)
  try {
    return await work()
  } finally {
    turn?.give()
  }
}

interface Turn {
  give(): void
}

/** Undefined: it is to be done without. */
async function take(address: string, { limitMs = LIMIT_MS, signal }: TurnOptions): Promise<Turn | undefined> {
  if (process.platform !== 'linux') return undefined
  const begunMs = performance.now()
  for (let sinceMs = begunMs; ; ) {
    signal?.throwIfAborted()
    const taken = await listen(address)
    if (taken !== 'in use') return taken
    const askedMs = performance.now()
    const leftMs = Math.min(sinceMs + limitMs, begunMs + limitMs * MOST_LIMITS) - askedMs
    if (leftMs <= 0) return undefined
    const ended = await untilGiven(address, leftMs, signal)
    if (ended === 'unseen' || performance.now() - askedMs < HARDLY_ANY_MS)
      await sleep(Math.random() * ASK_AGAIN_MS, undefined, { signal })
    if (ended === 'given') sinceMs = performance.now() // who has it now is another
  }
}

/**
 * Takes the turn, which is a socket without a file: its name is free when the process has ended.
 */
async function listen(address: string): Promise<Turn | 'in use' | undefined> {
  const waiting = new Set<Socket>()
  const server: Server = createServer((socket) => {
    waiting.add(socket)
    socket.unref()
    socket.on('error', () => {})
    socket.on('close', () => waiting.delete(socket))
    socket.resume()
  })
  server.unref()
  try {
    server.listen({ path: address })
    await once(server, 'listening')
  } catch (error) {
    return codeOf(error) === 'EADDRINUSE' ? 'in use' : undefined
  }
  server.on('error', () => {})
  return {
    give: () => {
      server.close()
      for (const socket of waiting) socket.destroy()
    },
  }
}

/**
 * Resolves when the turn was given on (`given`), when it was waited for too long (`late`), or when
 * nobody could be asked (`unseen`).
 */
async function untilGiven(
  address: string,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<'given' | 'late' | 'unseen'> {
  const socket = connect({ path: address })
  const stop = new AbortController()
  const ended = stop.signal
  const connected = once(socket, 'connect', { signal: ended })
  try {
    const late = sleep(ms, 'late' as const, { signal: signal === undefined ? ended : AbortSignal.any([signal, ended]) })
    late.catch(() => {})
    const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')))
    socket.on('error', () => {})
    socket.resume()
    const seen = await Promise.race([
      connected.then(
        () => true,
        () => false,
      ),
      late.then(() => false),
    ])
    const end = await Promise.race([closed, late])
    if (end === 'late') return 'late'
    return seen ? 'given' : 'unseen'
  } finally {
    stop.abort()
    socket.destroy()
  }
}

/** The name of a socket that is no file, as Linux has them: the first byte is a zero. */
export function turnAddress(name: string): string {
  const id = createHash('sha256').update(`${hostname()}\0${process.getuid?.()}\0${name}`).digest('hex')
  return `\0riastore-turn-${id.slice(0, 32)}`
}
