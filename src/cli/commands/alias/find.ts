import { StoreError } from '../../../core/errors.ts'
import { listAliases } from '../../../git/alias.ts'
import { aliasDirectory } from '../../../ria/layout/alias-file.ts'
import type { CallOptions, Store } from '../../../store/store.ts'
import { idOf } from '../../dataset-names.ts'

/** An alias, and the other names of its dataset. */
export interface FoundAlias {
  /** Of its dataset; undefined for one that leads to none. */
  readonly directory: string | undefined
  readonly others: readonly string[]
}

/** Throws StoreError `missing` for an alias that there is not. */
export async function findAlias(store: Store, alias: string, call: CallOptions): Promise<FoundAlias> {
  const all = await listAliases(store, call)
  const found = all.find(({ name }) => name === alias)
  if (found === undefined) {
    const where = `${store.traits.root}/${aliasDirectory(alias)}`
    throw new StoreError({ kind: 'missing', op: 'find', where, message: 'there is no such alias' })
  }
  const { directory } = found
  const others = all.filter((each) => directory !== undefined && each.directory === directory && each.name !== alias)
  return { directory, others: others.map(({ name }) => name) }
}

/** As JSON has them; nothing for what leads to no dataset. */
export function namesOf(found: FoundAlias | undefined) {
  if (found?.directory === undefined) return undefined
  return { dataset: idOf(found.directory), aliases: found.others }
}
