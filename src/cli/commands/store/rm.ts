import { ConfigError } from '../../../core/errors.ts'
import { runProgram } from '../../../setup/program.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import type { STORE_RM } from '../../table/named-store.ts'
import { readEntry, scopeOf } from './write.ts'

/** `riastore store rm` */
export async function run(console: Console, args: ArgsOf<typeof STORE_RM>): Promise<number> {
  const { name } = args
  const scope = scopeOf(args)
  if ((await readEntry(name, scope, console.signal)) === undefined) {
    throw new ConfigError(`git's ${scope} configuration has no store ${name}: riastore store ls tells which there are`)
  }
  if (!(await confirmDeletion(console, args, `Take the name ${name} of a store away?`))) return EXIT.failed
  const section = ['--remove-section', `riastore.store.${name}`]
  if (!args.dryRun) await runProgram('git config', ['git', 'config', `--${scope}`, ...section])
  console.report({ type: 'store-name', action: 'rm', dryRun: args.dryRun === true, name, scope }, () =>
    args.dryRun ? `would take the name ${name} away` : `no store has the name ${name} any more`,
  )
  return EXIT.done
}
