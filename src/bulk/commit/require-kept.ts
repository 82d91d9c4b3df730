import { StoreError } from '../../core/errors.ts'
import { repositoriesIn } from '../../core/records/location-log.ts'
import { KeyTable } from '../../core/tables/key-table.ts'
import type { Clone } from '../clone/clone.ts'
import { branchCommit, readLogs } from '../records/read-logs.ts'

/**
 * Throws StoreError `missing` unless each key is somewhere else than here, by git-annex's records:
 * in the store, on the web, in another clone. A commit whose content nobody has would be half a
 * result.
 */
export async function requireKept(clone: Clone, keys: readonly string[], signal?: AbortSignal): Promise<void> {
  const table = new KeyTable()
  const numbers = keys.map((key) => table.add(key))
  const lost: string[] = []
  for await (const logs of readLogs(clone, await branchCommit(clone), table, numbers, { signal })) {
    for (const { number, text } of logs) {
      const others = [...repositoriesIn(text)].filter((uuid) => uuid !== clone.uuid)
      if (others.length === 0) lost.push(table.text(number))
    }
  }
  const [key] = lost
  if (key === undefined) return
  const more = lost.length > 1 ? ` (and ${lost.length - 1} more)` : ''
  const message = `nobody is known to have the content of ${key}${more}, so nothing was pushed`
  throw new StoreError({ kind: 'missing', op: 'commit', where: clone.directory, message })
}
