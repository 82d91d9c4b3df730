import { Server } from '../annex/serve.ts'
import { encode } from '../core/text.ts'
import { RiaRemote } from '../ria-remote.ts'

/** Connections and temporary files get so long to be put away; then whoever waits for us counts more. ms. */
const CLOSE_LIMIT_MS = 2_000

const log = process.env.RIASTORE_DEBUG ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined
const remote = new RiaRemote(log)
const server = new Server(remote, (line) => process.stdout.write(encode(`${line}\n`)))

process.stdout.on('error', () => server.stop(1)) // git-annex is gone
process.stdin.on('data', (bytes: Buffer) => server.push(bytes))
process.stdin.on('end', () => server.stop(0))
process.stdin.on('error', () => server.stop(1))
process.on('SIGINT', () => server.stop(130))
process.on('SIGTERM', () => server.stop(143))
server.start()

const code = await server.ended
await Promise.race([remote.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS))])
process.exit(code)
