import { isStoreError } from '../../core/errors.ts'
import { StoredRepository } from '../../git/repository.ts'
import { readAlias } from '../../ria/layout/alias-file.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Outcome } from './repaired.ts'

type Mended = { readonly outcome: Outcome; readonly how: string }

/** Has others see the newest push. Throws StoreError. */
export async function mendViews(dataset: StoredDataset, call: CallOptions): Promise<Mended> {
  const repository = repositoryOf(dataset)
  const state = await repository.state(call)
  if (state.generation > 0) {
    await repository.mendViews(state, { ...call, again: true })
    return { outcome: 'mended', how: 'the files for others were written anew' }
  }
  try {
    const command = ['git', '--git-dir=.', 'update-server-info']
    const { code, stderr } = await dataset.store.exec(command, { ...call, cwd: dataset.directory })
    if (code === 0) return { outcome: 'mended', how: 'git update-server-info was run' }
    return { outcome: 'left', how: `git update-server-info: ${stderr.trim().split('\n').at(-1)}` }
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return { outcome: 'left', how: 'run git update-server-info in it, and push once more' }
  }
}

/**
 * Takes away the names that a dataset counts as its own, and that another has. Throws StoreError.
 */
export async function mendDoubleAliases(dataset: StoredDataset, call: CallOptions): Promise<Mended> {
  const repository = repositoryOf(dataset)
  const { aliases } = await repository.state(call)
  const others: string[] = []
  for (const name of aliases) {
    const owner = await readAlias(dataset.store, name, call)
    if (owner !== undefined && owner !== dataset.directory) others.push(name)
  }
  await repository.changeAliases((names) => names.filter((name) => !others.includes(name)), call)
  return {
    outcome: 'mended',
    how: `it does not count ${others.map((name) => `~${name}`).join(', ')} as its own any more`,
  }
}

function repositoryOf(dataset: StoredDataset): StoredRepository {
  return new StoredRepository(dataset, { gitDir: undefined, shows: false })
}
