import { isStoreError } from '../../../core/errors.ts'
import { bufferSource } from '../../../core/source.ts'
import { readText } from '../../../git/refs/views.ts'
import type { Bench } from '../bench.ts'
import { withGitLock } from './git-lock.ts'

/**
 * Has HEAD of a repository that git keeps point to a branch, where it leads nowhere. What it said
 * is kept in `quarantine/`. Throws StoreError.
 */
export async function pointHead(bench: Bench, branch: string): Promise<void> {
  const { dataset, call } = bench
  const path = dataset.path('HEAD')
  await withGitLock(bench, path, async () => {
    const stat = await dataset.store.stat(path, call)
    const text = `ref: ${branch}\n`
    const now = await readText(dataset.store, path, call)
    // A repository may be at a commit that is on no branch.
    if (stat === undefined || now === text || /^[0-9a-f]{40}\n?$/.test(now ?? '')) return
    const staged = await bench.stageFile(bufferSource(text))
    await bench.putOver({ path, identity: stat.identity }, bench.quarantineOf(path), staged)
  })
}

/** Without HEAD git takes a directory for no repository. Throws StoreError. */
export async function writeLostHead({ dataset, call }: Bench): Promise<void> {
  const { store, directory } = dataset
  const path = dataset.path('HEAD')
  if ((await store.stat(path, call)) !== undefined || !(await hasRefs())) return
  const ifAbsent = store.traits.putIfAbsent === 'atomic'
  try {
    await store.put(path, bufferSource('ref: refs/heads/main\n'), { ...call, within: directory, ifAbsent })
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
  }

  async function hasRefs(): Promise<boolean> {
    if ((await store.stat(dataset.path('packed-refs'), call)) !== undefined) return true
    for await (const _ref of store.list(dataset.path('refs'), call)) return true
    return false
  }
}
