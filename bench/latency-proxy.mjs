/**
 * A TCP proxy on 127.0.0.1 that makes a near host far:
 * `node latency-proxy.mjs <target port> <delay ms each way>`.
 *
 * It is a delay line, not stop-and-wait: every chunk leaves a fixed time after it came, however
 * many are under way, so latency is added and bandwidth is not taken away. What is under way is
 * bounded, then the sender is paused. The port is printed as one line on stdout; the program ends
 * when its stdin does, so it never outlives who started it.
 */
import { connect, createServer } from 'node:net'

/**
 * Bytes under way in one direction of one connection: 64 MiB in 20 ms is 3 GB/s, more than loopback
 * ssh can do.
 */
const LIMIT = 64 * 1024 * 1024

/**
 * @param {import('node:net').Socket} from
 * @param {import('node:net').Socket} to
 * @param {number} delay ms
 */
function delayLine(from, to, delay) {
  /** @type {{due: number, chunk: Buffer | undefined}[]} undefined: the sender's end */
  const line = []
  let length = 0
  let blocked = false
  /** @type {NodeJS.Timeout | undefined} */
  let timer

  const arm = () => {
    if (timer || blocked || line.length === 0) return
    timer = setTimeout(flush, Math.max(0, Math.ceil(line[0].due - performance.now())))
  }
  const flush = () => {
    timer = undefined
    while (!blocked && line.length > 0 && line[0].due <= performance.now()) {
      const { chunk } = line.shift()
      if (chunk === undefined) to.end()
      else {
        length -= chunk.length
        blocked = !to.write(chunk)
      }
    }
    if (from.isPaused() && length < LIMIT / 2) from.resume()
    arm()
  }

  from.on('data', (chunk) => {
    line.push({ due: performance.now() + delay, chunk })
    length += chunk.length
    if (length > LIMIT) from.pause()
    arm()
  })
  from.on('end', () => {
    line.push({ due: performance.now() + delay, chunk: undefined })
    arm()
  })
  to.on('drain', () => {
    blocked = false
    flush()
  })
}

/** @param {number} targetPort @param {number} delay ms each way */
export function startProxy(targetPort, delay) {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    near.on('error', () => near.destroy())
    // TCP's handshake crosses the wire three times before the server's program sees the connection.
    setTimeout(() => {
      const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
      far.on('error', () => far.destroy())
      near.on('close', () => far.destroy())
      far.on('close', () => near.destroy())
      delayLine(near, far, delay)
      delayLine(far, near, delay)
    }, delay * 3)
  })
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

if (process.argv[1] === import.meta.filename) {
  const [targetPort, delay] = process.argv.slice(2).map(Number)
  process.stdin.resume().on('end', () => process.exit(0))
  console.log(await startProxy(targetPort, delay))
}
