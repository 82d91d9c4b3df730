import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { helpText } from '../help/help.ts'
import type { HELP } from '../table/help.ts'

/** `riastore help` */
export async function run(console: Console, { words }: ArgsOf<typeof HELP>): Promise<number> {
  console.print(helpText(words, Math.min(console.columns, 80)))
  return EXIT.done
}
