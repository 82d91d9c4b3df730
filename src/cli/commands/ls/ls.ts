import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { withStoreOfWords } from '../../store-words.ts'
import type { LS } from '../../table/inventory.ts'
import { listDatasets } from './datasets.ts'
import { listFiles } from './files.ts'

/** `riastore ls` */
export function run(console: Console, args: ArgsOf<typeof LS>): Promise<number> {
  return withStoreOfWords(args.words, (store, [dataset, ...paths]) =>
    dataset === undefined ? listDatasets(console, store, args) : listFiles(console, store, dataset, paths, args),
  )
}
