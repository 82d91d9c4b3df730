import { ConfigError } from '../../../core/errors.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import type { STORE_ADD } from '../../table/named-store.ts'
import { readEntry, scopeOf, writeStore } from './write.ts'

/** `riastore store add` */
export async function run(console: Console, args: ArgsOf<typeof STORE_ADD>): Promise<number> {
  const { name, url } = args
  if (url === '') throw new ConfigError('where is the store? Give its URL')
  const there = (await readEntry(name, scopeOf(args), console.signal))?.values.url
  if (there !== undefined && there !== url) {
    throw new ConfigError(`there is a store ${name} already: riastore store set ${name} changes it`)
  }
  return writeStore(console, 'add', name, args)
}
