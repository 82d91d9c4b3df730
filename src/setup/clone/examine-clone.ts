import { type Finding, Findings, type Outcome } from '../../core/finding.ts'
import { factsOf } from '../../store/schemes.ts'
import { type AccessOptions, examineAccess } from './examine-access.ts'
import { examinePrograms } from './examine-programs.ts'
import { gitRemotesOf } from './git-remotes.ts'
import { judgeDependencies, judgeEnabled, judgeIgnored, judgePublication, judgeVerified } from './judge-settings.ts'
import type { CloneState } from './state.ts'

export interface CloneDoctorOptions extends AccessOptions {
  readonly report: (finding: Finding) => void
  /** Stores are asked, too. */
  readonly withStores: boolean
}

/**
 * Examines what stands between a user and the store: programs, and the clone's storage siblings. A
 * small file is written into the dataset in the store, and removed. Throws only when it was told to
 * stop, or git fails.
 */
export async function examineClone(state: CloneState, options: CloneDoctorOptions): Promise<void> {
  const { report, signal, withStores } = options
  const { git, siblings, notEnabled, annexUuid, dataset, changed } = state
  const add = (check: string, [result, why, mend]: Outcome, remote?: string) =>
    report({ check, result, why, mend, remote })
  const schemes = siblings.flatMap(({ config }) => {
    if (config instanceof Error) return []
    return [config.url, config.pushUrl].flatMap((url) => url?.location.scheme ?? [])
  })
  await examinePrograms({ signal, report, schemes })
  if (annexUuid === undefined) {
    add('annex', ['failed', `${dataset.path} has no git-annex, so it keeps no content`, 'git annex init'])
    return
  }
  const names = siblings.map(({ name }) => name)
  add('storage siblings', judgeEnabled(names, notEnabled))
  for (const { remote, outcome } of judgeDependencies(git, notEnabled)) add('publication', outcome, remote)
  for (const sibling of siblings) {
    const { name, uuid, config } = sibling
    if (config instanceof Error) {
      add('settings', ['failed', config.message], name)
      continue
    }
    add('ignored', judgeIgnored(git, name), name)
    const verified = judgeVerified(git, sibling, changed.has(uuid))
    add('confirmed', verified, name)
    if (factsOf((config.pushUrl ?? config.url).location).writable) {
      add('publication', judgePublication(git, name, gitRemotesOf(git, sibling)), name)
    }
    if (!withStores) continue
    if (verified[0] === 'failed') {
      add('reachable', ['skipped', 'its URL comes from the dataset, and nobody has confirmed it'], name)
      continue
    }
    const findings = new Findings((finding) => report({ ...finding, remote: name }), signal)
    await examineAccess(findings, sibling, state, options)
  }
}
