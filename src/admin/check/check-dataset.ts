import { isStoreError } from '../../core/errors.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { checkData, type DataChecked, type DataOptions } from './check-data.ts'
import { checkKeys, type KeysSeen } from './check-keys.ts'
import { checkRepository } from './check-repository.ts'
import { unreadable } from './check-store.ts'
import { nameFiles } from './name-files.ts'
import type { Problem, Report } from './problem.ts'

export interface CheckOptions extends CallOptions {
  /** Content is read too. */
  readonly data?: Omit<DataOptions, 'signal'> | undefined
}

/** What was looked at. */
export type DatasetChecked = KeysSeen & Partial<DataChecked>

/**
 * Looks at a dataset in a store, and changes nothing. Problems are told when it is done, with the
 * files that they concern. Throws StoreError when the store cannot be reached.
 */
export async function checkDataset(
  dataset: StoredDataset,
  report: Report,
  { data, ...call }: CheckOptions = {},
): Promise<DatasetChecked> {
  const found: Problem[] = []
  const note: Report = (problem) => found.push(problem)
  const about = { path: dataset.directory, dataset: dataset.directory.replace('/', '') }
  let seen: DatasetChecked = { keys: 0, bytes: 0 }
  const steps = [
    () => checkRepository(dataset, note, call),
    async () => {
      seen = await checkKeys(dataset, note, call)
    },
    async () => {
      if (data !== undefined) seen = { ...seen, ...(await checkData(dataset, note, { ...data, ...call })) }
    },
  ]
  for (const step of steps) {
    await step().catch((error: unknown) => {
      if (call.signal?.aborted || isStoreError(error, 'unreachable', 'transient', 'aborted')) throw error
      unreadable(error, about, note)
    })
  }
  const keys = new Set(found.flatMap(({ key }) => (key === undefined ? [] : [key])))
  const files = await nameFiles(dataset, keys, call)
  for (const problem of found) report({ ...problem, file: problem.key && files.get(problem.key) })
  return seen
}
