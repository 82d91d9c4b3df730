import { messageOf, StoreError } from '../../core/errors.ts'
import { runProcess } from '../../core/process/process.ts'

/** A disk that takes longer than this to write what it was given is not there any more. ms. */
const LIMIT_MS = 30 * 60 * 1000

/**
 * Writes everything that a file system has in memory to its disk: once for many files, where fsync
 * of each would wait for the disk each time. `where` is what a message names. Throws StoreError
 * `unsupported` when that cannot be done, or the disk did not take all.
 */
export async function syncFileSystem(directory: string, where: string = directory): Promise<void> {
  // GNU's sync has -f (syncfs(2)); others write all file systems.
  const failure = await attempt(['-f', directory])
  const left = failure?.isUnknownOption ? await attempt([]) : failure
  if (left === undefined) return
  throw new StoreError({ kind: 'unsupported', op: 'sync', where, message: left.message })
}

interface Failure {
  readonly message: string
  /** It has no -f. */
  readonly isUnknownOption: boolean
}

async function attempt(args: readonly string[]): Promise<Failure | undefined> {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const { end, stderr } = await runProcess(['sync', ...args], { limitMs: LIMIT_MS, env })
    if (end.how === 'exited' && end.code === 0) return undefined
    if (end.how === 'not started') throw end.error
    const said = stderr.toString().trim()
    const words = args.reduce((text, each) => text.replaceAll(each, ''), said) // a directory may be called so
    return { message: said || `sync: ${end.how}`, isUnknownOption: /\b(option|usage)\b/i.test(words) }
  } catch (error) {
    return { message: messageOf(error), isUnknownOption: false }
  }
}
