import { isStoreError, messageOf } from '../../core/errors.ts'
import { withoutPassword } from '../../core/secret.ts'
import type { Dataset } from '../dataset.ts'
import { requireDifferentIds } from '../dataset-ids.ts'
import { createSibling, type SiblingCall, type SiblingResult } from './create.ts'
import type { SiblingOptions } from './options.ts'

/** A dataset for which it did not work. */
export interface SiblingFailure {
  readonly path: string
  readonly status: 'error'
  /** One line. */
  readonly message: string
  /** What was thrown. */
  readonly error: unknown
}

/** A submodule that nothing was to be done for. */
export interface SiblingSkip {
  readonly path: string
  readonly status: 'notneeded'
  /** Why, on one line. */
  readonly message: string
}

const PLAIN = 'skipped: a plain git repository, with neither an id of DataLad nor a git-annex'

/**
 * The same for a dataset and, with `recursive`, for all below it that are there; only the first
 * gets the alias. One that fails does not keep the others from being done; only where siblings of
 * that name would be in the way (`existing` is `error`), nothing is begun. Yields each result as it
 * comes. Throws ConfigError, before anything is made, where two of them have one id.
 */
export async function* createSiblings(
  top: Dataset,
  options: SiblingOptions,
  { recursive, ...call }: SiblingCall & { readonly recursive: boolean },
): AsyncGenerator<SiblingResult | SiblingFailure | SiblingSkip> {
  const datasets: Dataset[] = []
  if (recursive) {
    for await (const dataset of top.withSubdatasets(call.tell)) {
      if (dataset === top || (await isDataset(dataset))) datasets.push(dataset)
      else yield { path: dataset.path, status: 'notneeded', message: PLAIN }
    }
    requireDifferentIds(datasets)
  } else datasets.push(top)
  const optionsOf = (dataset: Dataset) => (dataset === top ? options : { ...options, alias: undefined })

  if (datasets.length > 1 && (options.existing ?? 'error') === 'error' && !options.dryRun) {
    const refused: SiblingFailure[] = []
    for (const dataset of datasets) {
      const found = await attempt(dataset, { ...optionsOf(dataset), dryRun: true, newStoreOk: true }, withoutTell(call))
      if (found.status === 'error') refused.push(found)
    }
    if (refused.length > 0) return yield* refused
  }
  for (const dataset of datasets) yield await attempt(dataset, optionsOf(dataset), call)
}

async function isDataset(dataset: Dataset): Promise<boolean> {
  return dataset.id !== undefined || (await dataset.annexUuid()) !== undefined
}

function withoutTell({ tell: _tell, ...call }: SiblingCall): SiblingCall {
  return call
}

async function attempt(
  dataset: Dataset,
  options: SiblingOptions,
  call: SiblingCall,
): Promise<SiblingResult | SiblingFailure> {
  try {
    return await createSibling(dataset, options, call)
  } catch (error) {
    if (call.signal?.aborted || isStoreError(error, 'aborted')) throw error
    return { path: dataset.path, status: 'error', message: withoutPassword(messageOf(error)), error }
  }
}
