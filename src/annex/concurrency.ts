import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/**
 * Whether the git-annex that started us was told to run several jobs: `-J8`, `--jobs=8`, `-J cpus`.
 * `unsaid` when its command line does not say; undefined when it is not git-annex's. Only used to
 * choose between two correct ways of working: git-annex spends 0.3 ms a request on the ASYNC
 * extension, which a single job has nothing of.
 */
export function jobsInCommand(command: readonly string[]): boolean | 'unsaid' | undefined {
  if (!command.some((argument) => basename(argument) === 'git-annex')) return undefined
  for (const [at, argument] of command.entries()) {
    const [, attached] = /^(?:-J|--jobs=)(.+)$/.exec(argument) ?? []
    const value = attached ?? (argument === '-J' || argument === '--jobs' ? command[at + 1] : undefined)
    if (value !== undefined) return isSeveral(value)
  }
  return 'unsaid'
}

/** Reads the value of `-J` or of annex.jobs. */
export function isSeveral(value: string): boolean {
  return value.trim() !== '1'
}

/**
 * The command line of the process that started us, or undefined where the system does not show it.
 */
export function parentCommand(): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${process.ppid}/cmdline`, 'utf8').split('\0')
  } catch {
    return undefined
  }
}
