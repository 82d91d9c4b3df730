import { ConfigError } from '../core/errors.ts'
import { toBoolean } from '../core/git-config.ts'
import { Agreements, notVerified } from '../core/records/agree-to-remote.ts'
import { KeyTable } from '../core/tables/key-table.ts'
import { AnnexPartials } from './clone/annex-partials.ts'
import { type Clone, leftToAnnex } from './clone/clone.ts'
import { WorkDirectory } from './clone/work-directory.ts'
import { Counter } from './events.ts'
import { handOverSelection } from './hand-over.ts'
import { copyCommand, type PutOptions, type PutReport } from './put-options.ts'
import { PutRun } from './put-run.ts'
import { type BulkRemote, findRemotes } from './remotes.ts'
import { startSurvey } from './survey.ts'

/**
 * Puts the content of keys into a store, many at once. Each is checked against its checksum while
 * it is read, seen by others only when it is whole, and recorded after the store has it safe.
 * Throws ConfigError, and StoreError for what concerns all keys.
 */
export async function putKeys(clone: Clone, options: PutOptions): Promise<PutReport> {
  const remote = chooseRemote(await findRemotes(clone), options.to)
  const reason = leftToAnnex(clone) ?? (await whyLeft(clone, remote, options.to))
  if (remote === undefined || reason !== undefined) return leaveAll(clone, options, remote, reason ?? '')
  const { signal, selection, dryRun } = options
  const table = new KeyTable()
  const work = WorkDirectory.open(clone.annexDirectory)
  const run = new PutRun(clone, options, table, remote, work)
  const onKey = (number: number) => run.add(number)
  const survey = startSurvey(clone, selection, { presence: 'here', dryRun, table, work, onKey, signal })
  try {
    return await run.run(survey)
  } finally {
    await survey.close()
    const partials = new AnnexPartials(clone)
    work.leaveParts((key, file) => partials.leave(key, file)) // what a get was killed over
    work.close(!work.leftUndone) // what a get placed is recorded by the next get
  }
}

/** Throws ConfigError when it is not clear which one is meant. */
function chooseRemote(remotes: readonly BulkRemote[], to: string | undefined): BulkRemote | undefined {
  if (to !== undefined) return remotes.find(({ name }) => name === to)
  const [remote, ...others] = remotes.filter(({ ignored }) => !ignored)
  if (remote === undefined) throw new ConfigError('no remote of this repository is a storage sibling in a RIA store')
  if (others.length === 0) return remote
  const names = [remote, ...others].map(({ name }) => name).join(', ')
  throw new ConfigError(`there are several storage siblings: give --to (${names})`)
}

async function whyLeft(
  { config, gitDirectory }: Clone,
  remote: BulkRemote | undefined,
  to: string | undefined,
): Promise<string | undefined> {
  if (remote === undefined) return `${to} is no storage sibling in a RIA store`
  if ('leftToAnnex' in remote.setup) return `${remote.name}: ${remote.setup.leftToAnnex}`
  const local = (setting: string) => config.get(`remote.${remote.name}.${setting}`)
  if (toBoolean(local('annex-readonly') ?? 'false') !== false) return `${remote.name} is only read (annex-readonly)`
  const unverified = (await Agreements.read(gitDirectory, config)).keepFromSending()
  return unverified === undefined ? undefined : notVerified(unverified)
}

async function leaveAll(
  clone: Clone,
  options: PutOptions,
  remote: BulkRemote | undefined,
  reason: string,
): Promise<PutReport> {
  const { events, selection, jobs, signal, dryRun, to } = options
  events.onNote?.(`left to git-annex: ${reason}`)
  if (dryRun) return { put: 0, bytes: 0, handedOver: 0, failures: [] }
  const count = new Counter(events)
  const errand = { command: copyCommand(remote?.name ?? to ?? ''), jobs, events: count.events, signal }
  const { moved, failed } = await handOverSelection(clone, selection, errand)
  return { put: moved, bytes: count.bytes, handedOver: moved + failed, failures: count.failures }
}
