import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import type { Existing } from '../../setup/sibling/options.ts'
import { applySite } from '../../setup/site/apply.ts'
import { checkSiteName } from '../../setup/site/options.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { type SiteArguments, siteValues } from './site/arguments.ts'

type Args = SiteArguments & {
  readonly site: string
  readonly dataset: string
  readonly existing?: Existing
  readonly dryRun?: boolean
}

/** `riastore procedure` */
export async function run(console: Console, args: Args): Promise<number> {
  const { site, existing, dryRun = false } = args
  checkSiteName(site)
  const tell = (line: string) => (console.json ? console.note(line) : console.print(printable(line)))
  try {
    const applied = await applySite(args.dataset, site, siteValues(args), {
      signal: console.signal,
      tell,
      existing,
      dryRun,
    })
    console.emit({ type: 'procedure', dryRun, dataset: applied.id, ...applied })
    return EXIT.done
  } catch (error) {
    if (!(error instanceof ConfigError) && !dryRun)
      console.note(`${args.dataset}: to go on from here: datalad run-procedure cfg_${site}`)
    throw error
  }
}
