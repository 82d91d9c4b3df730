import { printable } from '../../../core/printable.ts'
import { listAliases } from '../../../git/alias.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { idOf } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ALIAS_LS } from '../../table/alias.ts'
import { withAliasStore } from './store.ts'

const WORDS = { count: 0, wanted: 'riastore alias ls wants a store', forWriting: false }

/** `riastore alias ls` */
export function run(console: Console, { store: given }: ArgsOf<typeof ALIAS_LS>): Promise<number> {
  return withAliasStore(given === undefined ? [] : [given], WORDS, async (store) => {
    const all = await listAliases(store, { signal: console.signal })
    for (const { name, directory, isDangling } of all) {
      const dataset = directory === undefined ? undefined : idOf(directory)
      const aliases = all
        .filter((other) => dataset !== undefined && other.directory === directory)
        .map((other) => other.name)
      console.show(
        { type: 'alias', action: 'ls', alias: name, dataset, aliases, ...(isDangling && { dangling: true }) },
        () => printable(`~${name} ${what(dataset, isDangling)}`),
      )
    }
    return EXIT.done
  })
}

function what(dataset: string | undefined, isDangling: boolean): string {
  if (dataset === undefined) return '(names no dataset)'
  return isDangling ? `${dataset} (dangling: not in the store)` : dataset
}
