import { printable } from '../../../core/printable.ts'
import { removeAlias, requireRemovableAlias } from '../../../git/alias.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ALIAS_RM } from '../../table/alias.ts'
import { findAlias, namesOf } from './find.ts'
import { withAliasStore } from './store.ts'

/** `riastore alias rm` */
export function run(console: Console, args: ArgsOf<typeof ALIAS_RM>): Promise<number> {
  const { words, dryRun } = args
  const call = { signal: console.signal }
  const counted = { count: 1, wanted: 'riastore alias rm wants a store and a name', forWriting: dryRun !== true }
  return withAliasStore(words, counted, async (store, [given = '']) => {
    const alias = given.replace(/^~/, '')
    if (!(await confirmDeletion(console, args, `Take the name ~${alias} away?`))) return EXIT.failed
    const found = console.json || dryRun ? await findAlias(store, alias, call) : undefined
    await (dryRun ? requireRemovableAlias : removeAlias)(store, alias, call)
    const removed = dryRun !== true
    console.report({ type: 'alias', action: 'rm', dryRun: !removed, alias, removed, ...namesOf(found) }, () =>
      printable(`${removed ? 'removed' : 'would remove'} ~${alias}`),
    )
    return EXIT.done
  })
}
