import { isStoreError } from '../core/errors.ts'
import { bufferSource } from '../core/source.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { writeFixed } from './refs/views.ts'

/**
 * Makes what git takes for an empty bare repository, in a directory that is there, with no hooks:
 * by git where it can be run, else file by file. What is there already stays.
 */
export async function makeBare(dataset: StoredDataset, call: CallOptions): Promise<void> {
  const { store, directory } = dataset
  if (store.traits.exec) {
    try {
      const { code } = await store.exec(['git', 'init', '--quiet', '--bare', '--template='], {
        ...call,
        cwd: directory,
      })
      if (code === 0) return
    } catch (error) {
      if (!isStoreError(error, 'unsupported')) throw error
    }
  }
  await writeFixed(dataset, call)
  try {
    await store.put(dataset.path('HEAD'), bufferSource('ref: refs/heads/main\n'), { ...call, ifAbsent: true })
  } catch (error) {
    if (!isStoreError(error, 'conflict')) throw error
  }
}
