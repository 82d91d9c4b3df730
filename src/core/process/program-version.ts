import { messageOf, oneLine } from '../errors.ts'
import type { Outcome } from '../finding.ts'
import { decode } from '../text.ts'
import { runProcess } from './process.ts'

/** A program that only prints its version takes no longer. ms. */
const VERSION_MS = 30_000

/**
 * Runs a program that prints its version, which the pattern's group finds on stdout or stderr.
 * `failed` where it does not run; the reason is one line.
 */
export async function programVersion(
  command: readonly string[],
  pattern: RegExp,
  signal?: AbortSignal | undefined,
): Promise<Outcome> {
  const title = command.join(' ')
  const { end, stdout, stderr } = await runProcess(command, { signal, limitMs: VERSION_MS, ownGroup: true })
  signal?.throwIfAborted()
  if (end.how === 'not started') return ['failed', `${title} cannot be run: ${messageOf(end.error)}`]
  if (end.how === 'stopped') return ['failed', `${title} did not end within ${VERSION_MS / 1000} s`]
  const said = `${decode(stdout)}\n${decode(stderr)}`.trim()
  if (end.how !== 'exited' || end.code !== 0) {
    const how = end.how === 'exited' ? `exit code ${end.code}` : 'a signal'
    return ['failed', oneLine(`${title} ended with ${how}: ${said.split('\n').at(-1)}`)]
  }
  return ['ok', pattern.exec(said)?.[1] ?? 'it runs, and does not tell its version']
}
