import { listAliases } from '../../git/alias.ts'
import { allDatasets } from '../../ria/layout/datasets.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { complete } from '../help/complete.ts'
import { openNamedStore, parseStore } from '../open-store.ts'
import type { COMPLETE } from '../table/help.ts'

/** Whoever pressed Tab waits no longer; ms. */
const PATIENCE_MS = 3_000

/** `riastore complete-words`: the candidates, one a line. A store that gives no answer has none. */
export async function run(console: Console, { words: given }: ArgsOf<typeof COMPLETE>): Promise<number> {
  const { words, datasetsOf } = complete(given)
  const last = given.at(-1) ?? ''
  const datasets = datasetsOf === undefined ? [] : await datasetsIn(datasetsOf.store, console.signal).catch(() => [])
  for (const word of [...words, ...datasets.filter((name) => name.startsWith(last))]) console.print(word)
  return EXIT.done
}

async function datasetsIn(name: string | undefined, signal: AbortSignal): Promise<string[]> {
  const call = { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) }
  const store = await openNamedStore(await parseStore(name))
  try {
    const aliases = await listAliases(store, call).catch(() => [])
    const ids = await allDatasets(store, call)
    return [...aliases.map((alias) => `~${alias.name}`), ...ids.map((dataset) => dataset.name)]
  } finally {
    await store.close()
  }
}
