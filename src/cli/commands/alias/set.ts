import { ConfigError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import { setAlias } from '../../../git/alias.ts'
import { checkNewAlias } from '../../../ria/layout/alias-file.ts'
import { findDataset, realDirectory } from '../../../ria/layout/datasets.ts'
import { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { idOf, NameFinder } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ALIAS_SET } from '../../table/alias.ts'
import { withAliasStore } from './store.ts'

const WANTED = 'riastore alias set wants a store, a dataset and a name for it'

/** `riastore alias set` */
export function run(console: Console, { words, dryRun }: ArgsOf<typeof ALIAS_SET>): Promise<number> {
  const call = { signal: console.signal }
  const counted = { count: 2, wanted: WANTED, takesDataset: true, forWriting: dryRun !== true }
  return withAliasStore(words, counted, async (store, [datasetName = '', newName = '']) => {
    const found = await findDataset(store, datasetName, call)
    const directory = await realDirectory(found, call)
    if (directory === undefined) {
      throw new ConfigError(`name the dataset by its id: what ${datasetName} leads to cannot be read`)
    }
    const alias = newName.replace(/^~/, '')
    if (dryRun) checkNewAlias(alias)
    else await setAlias(new StoredDataset(store, directory), alias, call)
    const { aliases } = await new NameFinder(store, console.json, call).namesOf(found)
    const dataset = idOf(directory)
    console.report({ type: 'alias', action: 'set', dryRun: dryRun === true, alias, dataset, aliases }, () =>
      printable(`${dryRun ? 'would set ' : ''}~${alias} ${dataset}`),
    )
    return EXIT.done
  })
}
