import { isStoreError } from '../core/errors.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, ExecResult } from '../store/store.ts'

/** Whether git can be run where the dataset lies. */
export async function hasGit({ store }: StoredDataset, call: CallOptions): Promise<boolean> {
  if (!store.traits.exec) return false
  try {
    return (await store.exec(['git', '--version'], { ...call, cwd: '' })).code === 0
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return false
  }
}

/**
 * Runs git in a bare repository where it lies. The repository is others' to write: none of its
 * hooks is run, and what it lacks is fetched from nowhere.
 */
export function gitThere(
  { store, directory }: StoredDataset,
  args: readonly string[],
  input: string,
  call: CallOptions,
): Promise<ExecResult> {
  const command = ['env', 'GIT_NO_LAZY_FETCH=1', 'git', '-c', 'core.hooksPath=/dev/null', '--git-dir=.', ...args]
  return store.exec(command, { ...call, cwd: directory, input: Buffer.from(input) })
}
