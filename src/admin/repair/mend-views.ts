import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { gitThere, hasGit } from '../../git/git-there.ts'
import { viewsOf } from '../../git/refs/views.ts'
import { StoredRepository } from '../../git/repository.ts'
import { aliasFile, readAlias } from '../../ria/layout/alias-file.ts'
import { readAliasLink } from '../../ria/layout/alias-link.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import type { Mended } from './repaired.ts'

/** Has others see the newest push. Throws StoreError. */
export async function mendViews(
  dataset: StoredDataset,
  sharing: Sharing | undefined,
  call: CallOptions,
): Promise<Mended> {
  const repository = repositoryOf(dataset)
  const state = await repository.state(call)
  if (state.generation > 0) {
    for (const name of state.aliases) await giveBack(dataset, name, call)
    await repository.mendViews(state, { ...call, again: true })
    return { outcome: 'mended', how: 'the files for others were written anew' }
  }
  if (!(await hasGit(dataset, call))) {
    // A copy of what git wrote elsewhere: what git would write is made of the refs and the packs.
    for (const [name, text] of viewsOf(state)) {
      if (name.includes('/')) await dataset.store.put(dataset.path(name), bufferSource(text), { ...call, sharing })
    }
    return { outcome: 'mended', how: 'the files for others were written anew' }
  }
  const { code, stderr } = await gitThere(dataset, ['update-server-info'], '', call)
  if (code === 0) return { outcome: 'mended', how: 'git update-server-info was run' }
  return { outcome: 'left', how: `git update-server-info: ${stderr.trim().split('\n').at(-1)}` }
}

/** A name that the dataset counts as its own, and that nobody has. */
async function giveBack({ store, directory }: StoredDataset, name: string, call: CallOptions): Promise<void> {
  const owner = await readAlias(store, name, call).catch(ifTorn)
  if (owner !== undefined || (await readAliasLink(store, name, call)) !== undefined) return
  try {
    await store.put(aliasFile(name), bufferSource(`${directory}\n`), { ...call, ifAbsent: true })
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error // somebody else was given it just then
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

/** Something is there, whatever it says. */
function ifTorn(error: unknown): string {
  if (!isStoreError(error, 'corrupt')) throw error
  return ''
}

function repositoryOf(dataset: StoredDataset): StoredRepository {
  return new StoredRepository(dataset, { gitDir: undefined, shows: false })
}
