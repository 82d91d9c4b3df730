import { expect } from 'vitest'
import type { RiaDatasetFiles } from './ria-store.ts'

/**
 * Fails unless all that is left in the dataset are keys and what is git's. git-annex does not wait
 * for the last of its remotes to put their temporary files away, so that is awaited here.
 */
export async function expectNoStrays(dataset: RiaDatasetFiles): Promise<void> {
  await expect.poll(() => dataset.strays()).toEqual([])
}
