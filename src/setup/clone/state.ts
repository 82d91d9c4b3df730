import type { GitConfig } from '../../core/git-config.ts'
import { unagreedChanges } from '../../core/records/annex-logs.ts'
import { decode } from '../../core/text.ts'
import { EXTERNAL_TYPES, findSiblings, type Sibling } from '../../ria/settings/siblings.ts'
import type { Dataset } from '../dataset.ts'
import { recordedRemotes } from '../sibling/recorded-remotes.ts'

/** What a clone says of its storage siblings; no store was asked. */
export interface CloneState {
  readonly dataset: Dataset
  readonly git: GitConfig
  readonly annexUuid: string | undefined
  /** Storage siblings that are enabled here. */
  readonly siblings: readonly Sibling[]
  /** Names of those that the dataset has, and that nobody declared dead, but that are not. */
  readonly notEnabled: readonly string[]
  /** The uuids of those that have newer settings, which nobody has agreed to. */
  readonly changed: ReadonlySet<string>
}

/** Reads it. Throws what git throws. */
export async function readCloneState(dataset: Dataset): Promise<CloneState> {
  const asked = ['rev-parse', '--path-format=absolute', '--git-common-dir']
  const commonDir = decode((await dataset.git(asked)).stdout).replace(/\n$/, '')
  const git = await dataset.config()
  const siblings = await findSiblings(commonDir, git)
  const enabled = new Set(siblings.map(({ uuid }) => uuid))
  const notEnabled = (await recordedRemotes(dataset)).flatMap(({ uuid, name, settings, isDead }) => {
    const isOurs = EXTERNAL_TYPES.includes(settings.get('externaltype') ?? '')
    return isOurs && !isDead && !enabled.has(uuid) && name !== undefined ? [name] : []
  })
  const [annexUuid, changed] = [await dataset.annexUuid(), await unagreedChanges(commonDir)]
  return { dataset, git, annexUuid, siblings, notEnabled: [...new Set(notEnabled)].sort(), changed }
}
