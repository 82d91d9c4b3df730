import type { Argv, CommandModule } from 'yargs'
import { examineStore } from '../../../admin/doctor/examine.ts'
import { messageOf } from '../../../core/errors.ts'
import { type Finding, isBad } from '../../../core/finding.ts'
import { checkGitLab } from '../../../setup/site/check-gitlab.ts'
import { checkInstallation } from '../../../setup/site/check-installation.ts'
import { resolveSite } from '../../../setup/site/config.ts'
import { readSites, requireSite } from '../../../setup/site/read.ts'
import type { Console } from '../../console.ts'
import { FINDINGS_HEAD, findingLine, stopped, withOpenStore } from '../../store-command.ts'
import { version } from '../../version.ts'
import { requireName } from './name.ts'

const SUMMARY = 'Check that a site works here: programs, procedure, store, GitLab'

const USAGE = `$0 site check <name>

${SUMMARY}.

The store is used as riastore doctor does it; nothing stays there. GitLab is only asked. The exit code is 1 when something does not work.`

type Args = { readonly name?: string; readonly json?: boolean }

export function siteCheckCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'check [name]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('name', { type: 'string', describe: 'name of the site' })
        .options({ json: { type: 'boolean', describe: 'print JSON: a line per check' } }) as unknown as Argv<Args>,
    handler: async (args) => finished(await stopped(console, () => run(console, args))),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const { signal } = console
  const name = requireName(args.name)
  const site = resolveSite(requireSite(await readSites(undefined, signal), name))
  if (!args.json) console.print(FINDINGS_HEAD)
  const all: Finding[] = []
  const report = (finding: Finding) => {
    all.push(finding)
    console.print(args.json ? JSON.stringify(finding) : findingLine(finding))
  }
  report({ check: 'riastore', result: 'ok', why: `${version()}, run by node ${process.versions.node}` })
  await checkInstallation(site, { signal, report })
  await checkStore(console, ['store', site.store], report)
  if (site.pushUrl !== undefined) await checkStore(console, ['push-url', site.pushUrl], report)
  await checkGitLab(site, { signal, report })
  return all.some(isBad) ? 1 : 0
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
