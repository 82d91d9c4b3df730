import { expect } from 'vitest'
import type { RiaDatasetFiles } from './ria-store.ts'

/** git-annex does not wait for the last of its remotes to put their temporary files away. */
const SOON_MS = 5_000

/** Fails unless all that is left in the dataset are keys and what is git's. */
export async function expectNoStrays(dataset: RiaDatasetFiles): Promise<void> {
  await expect.poll(() => dataset.strays(), { timeout: SOON_MS }).toEqual([])
}
