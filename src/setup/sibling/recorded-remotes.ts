import { readAnnexLogs, settingsOfLine } from '../../core/records/annex-logs.ts'
import type { Dataset } from '../dataset.ts'

/** A special remote that the git-annex branch knows of, here or at some remote. */
export interface RecordedRemote {
  /** By which its settings are recorded, and by which it can be enabled. */
  readonly configUuid: string
  /**
   * Under which git-annex notes where keys are. It is another remote's where this one was made with
   * --sameas.
   */
  readonly uuid: string
  readonly name: string | undefined
  readonly settings: ReadonlyMap<string, string>
  readonly isDead: boolean
  readonly trust: 'trust' | 'semitrust' | 'untrust' | 'dead'
}

/** All special remotes that were ever made for a dataset, as far as is known here. */
export async function recordedRemotes(dataset: Dataset): Promise<readonly RecordedRemote[]> {
  const remotes = newestLines(await logs(dataset, 'remote.log'))
  const trusts = newestLines(await logs(dataset, 'trust.log'))
  return [...remotes].map(([configUuid, text]) => {
    const settings = settingsOfLine(text)
    const uuid = settings.get('sameas-uuid') ?? configUuid
    const trust = TRUST[trusts.get(uuid)?.split(' ')[0] ?? ''] ?? 'semitrust'
    const name = settings.get('name') ?? settings.get('sameas-name')
    return { configUuid, uuid, name, settings, trust, isDead: trust === 'dead' }
  })
}

/** As trust.log has it. */
const TRUST: Readonly<Record<string, RecordedRemote['trust']>> = { '1': 'trust', '0': 'untrust', X: 'dead' }

function logs(dataset: Dataset, file: string): Promise<readonly string[]> {
  return readAnnexLogs((args) => dataset.git(args, { mayEndWith: [1, 128] }), dataset.gitDir, file)
}

/**
 * `<uuid> <text> timestamp=<seconds>s`: by uuid, the text that was written last. Source:
 * git-annex's internals page, remote.log.
 */
function newestLines(logs: readonly string[]): ReadonlyMap<string, string> {
  const newest = new Map<string, { text: string; at: number }>()
  for (const line of logs.flatMap((log) => log.split('\n'))) {
    const [, uuid, text = '', seconds] = /^(\S+) (.*?) ?timestamp=([0-9.]+)s?$/.exec(line) ?? []
    if (uuid === undefined) continue
    const at = Number(seconds)
    if (at >= (newest.get(uuid)?.at ?? 0)) newest.set(uuid, { text, at })
  }
  return new Map([...newest].map(([uuid, { text }]) => [uuid, text]))
}
