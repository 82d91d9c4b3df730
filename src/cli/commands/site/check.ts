import { examineStore } from '../../../admin/doctor/examine.ts'
import { messageOf } from '../../../core/errors.ts'
import type { Finding } from '../../../core/finding.ts'
import { checkGitLab } from '../../../setup/site/check-gitlab.ts'
import { checkInstallation } from '../../../setup/site/check-installation.ts'
import { resolveSite } from '../../../setup/site/config.ts'
import { checkSiteName } from '../../../setup/site/options.ts'
import { readSites, requireSite } from '../../../setup/site/read.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { FindingsTable } from '../../findings-table.ts'
import { version } from '../../own-package.ts'
import { withOpenStore } from '../../store-command.ts'
import type { SITE_CHECK } from '../../table/site.ts'

/** `riastore site check` */
export async function run(console: Console, { name }: ArgsOf<typeof SITE_CHECK>): Promise<number> {
  const { signal } = console
  checkSiteName(name)
  const site = resolveSite(requireSite(await readSites(undefined, signal), name))
  const table = new FindingsTable(console, 'push-url: unfinished uploads'.length)
  const report = (finding: Finding) => table.add(finding)
  report({ check: 'riastore', result: 'ok', why: `${version()}, run by node ${process.versions.node}` })
  await checkInstallation(site, { signal, report })
  await checkStore(console, ['store', site.store], report)
  if (site.pushUrl !== undefined) await checkStore(console, ['push-url', site.pushUrl], report)
  await checkGitLab(site, { signal, report })
  return table.end('site check')
}

async function checkStore(
  console: Console,
  [name, url]: readonly [name: string, url: string],
  report: (finding: Finding) => void,
): Promise<void> {
  const { signal } = console
  const ofStore = (finding: Finding) => report({ ...finding, check: `${name}: ${finding.check}` })
  try {
    await withOpenStore(url, ({ store, probe }) => examineStore(store, { signal, probe, report: ofStore }))
  } catch (error) {
    if (signal.aborted) throw error
    ofStore({ check: 'reachable', result: 'failed', why: messageOf(error) })
  }
}
