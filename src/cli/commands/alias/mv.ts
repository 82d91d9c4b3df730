import { ConfigError, StoreError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import { listAliases, moveAlias, requireRemovableAlias } from '../../../git/alias.ts'
import { aliasDirectory, checkNewAlias } from '../../../ria/layout/alias-file.ts'
import { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { idOf } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ALIAS_MV } from '../../table/alias.ts'
import { findAlias } from './find.ts'
import { withAliasStore } from './store.ts'

const WANTED = 'riastore alias mv wants a store, a name and the new one'

/** `riastore alias mv` */
export function run(console: Console, { words, dryRun = false }: ArgsOf<typeof ALIAS_MV>): Promise<number> {
  const call = { signal: console.signal }
  return withAliasStore(aliasWords(words), { count: 2, wanted: WANTED, forWriting: !dryRun }, async (store, given) => {
    const [from = '', to = ''] = given.map((name) => name.replace(/^~/, ''))
    checkNewAlias(to)
    if (from === to) throw new ConfigError(`~${from} is the name that it has`)
    const { directory, others } = await findAlias(store, from, call)
    if (directory === undefined) throw new ConfigError(`~${from} names no dataset: riastore alias rm takes it away`)
    if (dryRun) {
      await requireRemovableAlias(store, from, call)
      await requireFree(store, to, directory, call)
    } else await moveAlias(new StoredDataset(store, directory), { from, to }, call)
    const aliases = dryRun ? [from, ...others].sort() : [...new Set([to, ...others])].sort()
    const dataset = idOf(directory)
    console.report({ type: 'alias', action: 'mv', dryRun, alias: to, formerly: from, dataset, aliases }, () =>
      printable(`${dryRun ? 'would rename' : 'renamed'} ~${from} to ~${to} ${dataset}`),
    )
    return EXIT.done
  })
}

/** In a clone the store may be left out: then two words are names, with or without `~`. */
function aliasWords(words: readonly string[]): readonly string[] {
  return words.length === 2 ? words.map((name) => `~${name.replace(/^~/, '')}`) : words
}

async function requireFree(store: Store, name: string, directory: string, call: CallOptions): Promise<void> {
  const taken = (await listAliases(store, call)).find((each) => each.name === name)
  if (taken === undefined || taken.directory === directory) return
  const where = `${store.traits.root}/${aliasDirectory(name)}`
  throw new StoreError({ kind: 'conflict', op: 'alias', where, message: 'another dataset has this alias', sent: 'no' })
}
