import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { hasHelp, helpText } from '../help/help.ts'
import type { HELP } from '../table/help.ts'

/** In the sources, and in what is built of them. */
const PAGES = ['docs/troubleshooting.md', 'dist/troubleshooting.md']

/** `riastore help`: of a command, of a topic, or of what some program said. */
export async function run(console: Console, { words }: ArgsOf<typeof HELP>): Promise<number> {
  const columns = Math.min(console.columns, 80)
  const found = hasHelp(words) ? undefined : await messageHelp(words.join(' '), columns)
  console.print(found ?? helpText(words, columns))
  return EXIT.done
}

/** Undefined where nothing is known of such a message. */
async function messageHelp(said: string, columns: number): Promise<string | undefined> {
  const { findMessages, parseMessages, showMessages } = await import('../help/messages.ts')
  const page = await troubleshooting()
  const found = page === undefined ? [] : findMessages(parseMessages(page), said)
  return found.length === 0 ? undefined : showMessages(found, columns)
}

async function troubleshooting(): Promise<string | undefined> {
  const { ownPackage } = await import('../own-package.ts')
  const own = ownPackage()
  for (const page of own === undefined ? [] : PAGES) {
    try {
      return readFileSync(join(own?.directory ?? '', page), 'utf8')
    } catch {} // the other one, then
  }
  return undefined
}
