import { ConfigError } from '../../../core/errors.ts'
import { dropSite } from '../../../setup/site/add.ts'
import { checkSiteName } from '../../../setup/site/options.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import type { SITE_RM } from '../../table/site.ts'
import { forWhom, scopeOf } from './scope.ts'

/** `riastore site rm` */
export async function run(console: Console, args: ArgsOf<typeof SITE_RM>): Promise<number> {
  const { name } = args
  checkSiteName(name)
  const scope = scopeOf(args)
  const whom = forWhom(scope)
  if (!(await confirmDeletion(console, args, `Remove the site ${name}, for ${whom}?`))) return EXIT.failed
  const { removed, procedure } = await dropSite(name, scope, { signal: console.signal, dryRun: args.dryRun })
  if (!removed && procedure === undefined) {
    throw new ConfigError(`there is no site ${name} for ${whom}: riastore site ls tells which there are`)
  }
  console.report(
    { type: 'site', action: 'rm', dryRun: args.dryRun === true, site: name, scope, removed, procedure },
    () => {
      const with_ = procedure === undefined ? '' : `, and ${procedure}`
      return `${args.dryRun ? 'would remove' : 'removed'} the site ${name}, for ${whom}${with_}`
    },
  )
  return EXIT.done
}
