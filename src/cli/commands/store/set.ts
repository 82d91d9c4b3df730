import { ConfigError } from '../../../core/errors.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import type { STORE_SET } from '../../table/named-store.ts'
import { readEntry, writeStore } from './write.ts'

/** `riastore store set` */
export async function run(console: Console, args: ArgsOf<typeof STORE_SET>): Promise<number> {
  const { name } = args
  if ((await readEntry(name, undefined, console.signal)) === undefined && !args.url) {
    throw new ConfigError(`no store has the name ${name}: riastore store add ${name} <URL> gives it`)
  }
  return writeStore(console, 'set', name, args)
}
