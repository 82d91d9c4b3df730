import { KeyTable } from '../core/tables/key-table.ts'
import type { Clone } from './clone/clone.ts'
import { refusesContent } from './clone/clone.ts'
import { WorkDirectory } from './clone/work-directory.ts'
import { Counter } from './events.ts'
import { type GetOptions, type GetReport, getCommand } from './get-options.ts'
import { GetRun } from './get-run.ts'
import { handOverSelection } from './hand-over.ts'
import { type BulkRemote, findRemotes } from './remotes.ts'
import { startSurvey } from './survey.ts'

/**
 * Gets the content of keys into a clone, many at once. Each is checked against its checksum while
 * it comes, placed and recorded as git-annex does it; what only git-annex can do is left to it.
 * Throws ConfigError, and StoreError for what concerns all keys.
 */
export async function getKeys(clone: Clone, options: GetOptions): Promise<GetReport> {
  const remotes = (await findRemotes(clone)).filter(({ name, ignored }) =>
    options.from === undefined ? !ignored : name === options.from,
  )
  const reason = refusesContent(clone) ?? noRemote(remotes, options.from)
  if (reason !== undefined) return leaveAll(clone, options, reason)
  const { signal, selection, dryRun } = options
  const table = new KeyTable()
  const work = WorkDirectory.open(clone.annexDirectory)
  let recorded = !work.tookOver
  const run = new GetRun(clone, options, table, usable(remotes), work)
  const onKey = (number: number) => run.add(number)
  const survey = startSurvey(clone, selection, { presence: 'not here', dryRun, table, work, onKey, signal })
  const begin = () => {
    recorded = false // nothing is placed before
  }
  survey.found.then(begin, () => {})
  try {
    const report = await run.run(survey)
    recorded = !dryRun || !work.leftUndone
    return report
  } finally {
    await survey.close()
    await run.close()
    work.close(recorded)
  }
}

function usable(remotes: readonly BulkRemote[]): BulkRemote[] {
  return remotes.filter(({ setup }) => 'config' in setup)
}

function noRemote(remotes: readonly BulkRemote[], from: string | undefined): string | undefined {
  if (usable(remotes).length > 0) return undefined
  const [only] = remotes
  if (only !== undefined && 'leftToAnnex' in only.setup) return `${only.name}: ${only.setup.leftToAnnex}`
  return from === undefined ? 'no remote of it is a storage sibling in a RIA store' : `${from} is none of our remotes`
}

async function leaveAll(clone: Clone, options: GetOptions, reason: string): Promise<GetReport> {
  const { events, selection, jobs, signal, dryRun } = options
  events.onNote?.(`left to git-annex: ${reason}`)
  if (dryRun) return { got: 0, bytes: 0, handedOver: 0, failures: [] }
  const count = new Counter(events)
  const errand = { command: getCommand(options), jobs, events: count.events, signal }
  const { moved, failed } = await handOverSelection(clone, selection, errand)
  return { got: moved, bytes: count.bytes, handedOver: moved + failed, failures: count.failures }
}
