import { ConfigError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import { readRemoteLog } from '../../core/records/annex-logs.ts'
import { decode } from '../../core/text.ts'
import type { Clone } from './clone.ts'

/**
 * Throws ConfigError unless a clone is one of a dataset: it has the dataset's id, or a storage
 * sibling of that id, or a commit of it.
 */
export async function requireCloneOf(clone: Clone, id: string, commit: string): Promise<void> {
  const git = (...args: string[]) => run('git', [`--git-dir=${clone.gitDirectory}`, ...args])
  const asked = await git('config', '--blob', 'HEAD:.datalad/config', 'datalad.dataset.id')
  const own = asked.code === 0 ? decode(asked.stdout).trim() : undefined
  if (own === id) return
  const remotes = [...(await readRemoteLog(clone.gitDirectory)).values()]
  if (remotes.some((settings) => settings.get('archive-id') === id)) return
  if ((await git('cat-file', '-e', `${commit}^{commit}`)).code === 0) return
  const other = own === undefined ? '' : `: that is dataset ${own}`
  throw new ConfigError(`${clone.directory} is no clone of dataset ${id}${other}`)
}
