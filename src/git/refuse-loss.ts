import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { gitThere, hasGit } from './git-there.ts'

const SETTINGS = ['receive.denyNonFastForwards', 'receive.denyDeletes']

/**
 * Has git itself, where it receives pushes for a dataset, refuse those that delete a ref or move it
 * back. False where git cannot be run. Throws StoreError `denied` when it cannot be set.
 */
export async function refuseLoss(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  if (!(await hasGit(dataset, call))) return false
  for (const setting of SETTINGS) {
    const { code, stderr } = await gitThere(dataset, ['config', setting, 'true'], '', call)
    const said = stderr.trim().split('\n').at(-1) || 'git failed'
    if (code !== 0) throw dataset.error('denied', 'git config', `${setting}: ${said}`, { sent: 'no' })
  }
  return true
}
