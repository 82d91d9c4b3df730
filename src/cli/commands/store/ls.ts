import { withoutPassword } from '../../../core/secret.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { textTable } from '../../tables.ts'
import { readEntries } from './write.ts'

/** `riastore store ls` */
export async function run(console: Console): Promise<number> {
  const entries = [...(await readEntries(undefined, console.signal)).values()]
  const rows = entries
    .map(({ name, values, unknown }) => {
      const set = Object.entries(values).filter(([, value]) => value !== '')
      return {
        name,
        settings: Object.fromEntries(set.map(([key, value]) => [key, withoutPassword(value ?? '')])),
        unknown,
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, settings } of rows) console.emit({ type: 'store-name', action: 'ls', name, settings })
  if (rows.length === 0) console.print('no store has a name: riastore store add <name> <URL> gives it one')
  else {
    const cells = rows.map(({ name, settings: { url = '', ...others } }) => {
      const rest = Object.entries(others).map(([key, value]) => `${key}=${value}`)
      return [name, url, rest.join(' ')]
    })
    console.print(textTable([['store', 'URL', 'settings'], ...cells]))
  }
  for (const { name, unknown } of console.json ? [] : rows) {
    if (unknown !== undefined) console.complain(`${name}: riastore.store.${name}.${unknown} is no setting of a store`)
  }
  return EXIT.done
}
