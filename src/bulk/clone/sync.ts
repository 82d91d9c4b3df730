import { messageOf, StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'

/** A disk that takes longer than this to write what it was given is not there any more. ms. */
const LIMIT_MS = 30 * 60 * 1000

/**
 * Writes everything that a file system has in memory to its disk: once for many files, where fsync
 * of each would wait for the disk each time. Throws StoreError `unsupported` when that cannot be
 * done.
 */
export async function syncFileSystem(directory: string): Promise<void> {
  // GNU's sync has -f (syncfs(2)); others write all file systems.
  for (const args of [['-f', directory], []]) {
    const failure = await attempt(args)
    if (failure === undefined) return
    if (args.length === 0) {
      throw new StoreError({ kind: 'unsupported', op: 'sync', where: directory, message: failure })
    }
  }
}

async function attempt(args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stderr } = await run('sync', args, { limitMs: LIMIT_MS })
    return code === 0 ? undefined : stderr.trim() || `sync ended with exit code ${code}`
  } catch (error) {
    return messageOf(error)
  }
}
