import { parseRemoteLog } from '../../core/annex-logs.ts'
import { parseGitConfig } from '../../core/git-config.ts'
import { amendBranch } from '../../git/amend-branch.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

const ANNEX_BRANCH = 'refs/heads/git-annex'
const REMOTES = 'remote.log'
const CONFIG_BYTES = 1024 * 1024

/** A storage sibling, as git-annex's records have it. */
export interface RecordedSibling {
  readonly uuid: string
  readonly name: string | undefined
  /** The records give a new address now. */
  readonly updated: boolean
}

/**
 * Gives the storage sibling of a dataset its new address in git-annex's records, where the one that
 * they have is one of the old ones: whoever clones then enables it there. Undefined where the
 * dataset names no storage sibling. Source: git-annex's internals page, remote.log.
 */
export async function recordNewPlace(
  dataset: StoredDataset,
  old: readonly string[],
  url: string,
  call: CallOptions,
): Promise<RecordedSibling | undefined> {
  const text = await dataset.findSmall('config', CONFIG_BYTES, call)
  if (text === undefined) return undefined
  const uuid = (await parseGitConfig(text, dataset.where(dataset.path('config')))).get('datalad.ora-remote.uuid')
  if (uuid === undefined) return undefined
  let name: string | undefined
  const updated = await amendBranch(dataset, {
    ...call,
    ref: ANNEX_BRANCH,
    message: 'riastore move',
    change: async (read) => {
      const log = (await read(REMOTES)) ?? ''
      const settings = parseRemoteLog(log).get(uuid)
      name = settings?.get('name')
      const known = settings?.get('url')
      if (settings === undefined || known === undefined || !old.some((each) => isSame(each, known))) return new Map()
      const next = new Map([...settings].filter(([key]) => key !== 'push-url'))
      next.set('url', url)
      return new Map([[REMOTES, withLine(log, uuid, next)]])
    },
  })
  return { uuid, name, updated }
}

const isSame = (a: string, b: string) => a.replace(/\/+$/, '') === b.replace(/\/+$/, '')

/** The log with new settings of a remote, newer than those that it had. */
function withLine(log: string, uuid: string, settings: ReadonlyMap<string, string>): string {
  const seconds = Number.parseFloat(settings.get('timestamp') ?? '0')
  const now = Math.max(Date.now() / 1000, seconds + 1)
  const words = [...settings].filter(([key]) => key !== 'timestamp').map(([key, value]) => `${key}=${escaped(value)}`)
  const line = `${uuid} ${words.join(' ')} timestamp=${now.toFixed(3)}s`
  const others = log.split('\n').filter((each) => each !== '' && !each.startsWith(`${uuid} `))
  return `${[...others, line].sort().join('\n')}\n`
}

function escaped(value: string): string {
  return value.replace(/[\s&]/g, (character) => `&${character.codePointAt(0)};`)
}
