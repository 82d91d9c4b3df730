import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { RefState } from '../refs/ref-state.ts'
import { addLoose } from './loose-objects.ts'
import { addPacks } from './scratch-repository.ts'

/** Adds all objects of a state to a repository of ours. Downloads are put into `work`. */
export async function addHistory(
  dataset: StoredDataset,
  { packs, loose }: RefState,
  work: string,
  gitDir: string,
  call: CallOptions,
): Promise<void> {
  await addPacks(dataset, packs, work, gitDir, call)
  await addLoose(dataset, loose, gitDir, call)
}
