import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { manualPages } from '../help/roff.ts'
import { version } from '../own-package.ts'
import type { WRITE_MANUAL } from '../table/help.ts'

/** `riastore write-manual`: a file for each command, which is named on stdout. */
export async function run(console: Console, { directory, date }: ArgsOf<typeof WRITE_MANUAL>): Promise<number> {
  await mkdir(directory, { recursive: true })
  for (const { file, text } of manualPages({ version: version(), date })) {
    await writeFile(join(directory, file), text)
    console.print(file)
  }
  return EXIT.done
}
