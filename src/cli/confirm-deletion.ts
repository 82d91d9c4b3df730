import { ConfigError } from '../core/errors.ts'
import type { Console } from './console.ts'

/**
 * Asks before something is deleted, unless --yes or --dry-run was given. False: the answer was no,
 * and that nothing was changed has been said. Throws ConfigError where nobody can be asked.
 */
export async function confirmDeletion(
  console: Console,
  { yes, dryRun }: { readonly yes: boolean | undefined; readonly dryRun: boolean | undefined },
  question: string,
): Promise<boolean> {
  if (yes || dryRun) return true
  if (!console.isTerminal) throw new ConfigError(`${question} Nobody can be asked here: give --yes`)
  if (await console.confirm(question)) return true
  console.note('nothing was changed')
  return false
}
