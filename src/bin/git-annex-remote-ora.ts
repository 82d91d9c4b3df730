import { isSeveral, jobsInCommand, parentCommand } from '../annex/concurrency.ts'
import { readsContent } from '../annex/fsck-command.ts'
import { readInput } from '../annex/read-input.ts'
import { EarlyGitConfig } from '../core/git-config.ts'
import { writeLine } from '../core/write-line.ts'

/**
 * Connections and temporary files get so long to be put away; then whoever waits for us counts
 * more. ms.
 */
const CLOSE_LIMIT_MS = 2_000

async function main(): Promise<void> {
  const debug = Boolean(process.env.RIASTORE_DEBUG)
  if (!debug) Error.stackTraceLimit = 0 // nobody sees them, and collecting them for each expected error takes time
  const log = debug ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined
  const git = new EarlyGitConfig() // it works while the rest of the program is loaded
  const { RiaRemote } = await import('../remote/ria-remote.ts')
  const { Server } = await import('../annex/serve.ts')
  const command = parentCommand() ?? []
  const remote = new RiaRemote({ git, log, isFsck: readsContent(command) })
  const send = (line: string) => {
    if (!writeLine(1, line)) server.stop(1) // git-annex is gone
  }
  const server = new Server(remote, send, { async: await severalJobs(git, command) })

  readInput({
    onBytes: (bytes) => server.push(bytes),
    onEnd: () => server.stop(0),
    onError: () => server.stop(1),
  })
  process.on('SIGINT', () => server.stop(130))
  process.on('SIGTERM', () => server.stop(143))
  server.start()

  const code = await server.ended
  await Promise.race([remote.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS))])
  process.exit(code)
}

/** When in doubt, yes: it is right for one job too. */
async function severalJobs(git: EarlyGitConfig, command: readonly string[]): Promise<boolean> {
  const several = jobsInCommand(command)
  if (several !== 'unsaid') return several ?? true
  return isSeveral((await git.get('annex.jobs')) ?? '1')
}

void main()
