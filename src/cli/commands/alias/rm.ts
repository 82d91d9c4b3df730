import { StoreError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import { listAliases, removeAlias } from '../../../git/alias.ts'
import { aliasDirectory } from '../../../ria/layout/alias-file.ts'
import type { CallOptions, Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { idOf } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ALIAS_RM } from '../../table/alias.ts'
import { withAliasStore } from './store.ts'

/** `riastore alias rm` */
export function run(console: Console, args: ArgsOf<typeof ALIAS_RM>): Promise<number> {
  const { words, dryRun } = args
  const call = { signal: console.signal }
  const counted = { count: 1, wanted: 'riastore alias rm wants a store and a name', forWriting: dryRun !== true }
  return withAliasStore(words, counted, async (store, [given = '']) => {
    const alias = given.replace(/^~/, '')
    if (!(await confirmDeletion(console, args, `Take the name ~${alias} away?`))) return EXIT.failed
    const names = console.json || dryRun ? await namesOf(store, alias, call) : undefined
    if (!dryRun) await removeAlias(store, alias, call)
    const removed = dryRun !== true
    console.report({ type: 'alias', action: 'rm', dryRun: !removed, alias, removed, ...names }, () =>
      printable(`${removed ? 'removed' : 'would remove'} ~${alias}`),
    )
    return EXIT.done
  })
}

/** Throws StoreError `missing` for an alias that there is not. */
async function namesOf(store: Store, alias: string, call: CallOptions) {
  const all = await listAliases(store, call)
  const found = all.find(({ name }) => name === alias)
  if (found === undefined) {
    const where = `${store.traits.root}/${aliasDirectory(alias)}`
    throw new StoreError({ kind: 'missing', op: 'find', where, message: 'there is no such alias' })
  }
  const { directory } = found
  if (directory === undefined) return undefined
  const others = all.filter((each) => each.directory === directory && each.name !== alias)
  return { dataset: idOf(directory), aliases: others.map(({ name }) => name) }
}
