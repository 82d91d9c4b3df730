import type { OtherObjects } from '../../../git/mend/plan.ts'
import { isAppendOnly } from '../../../ria/layout/append-only.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../../store/store.ts'
import type { GoodCopies } from '../good-copies.ts'

/** Where objects of a repository may be had from, and whether what is nowhere there is lost. */
export interface Others {
  readonly objects: readonly OtherObjects[]
  /** For people. */
  readonly where: string
  /** Why it is not said of what none of them has that it is lost; undefined: it is. */
  readonly notAll: string | undefined
}

/** Asks all sources for git's objects. Downloads are put into `work`. Throws StoreError. */
export async function othersOf(sources: readonly GoodCopies[], work: string, call: CallOptions): Promise<Others> {
  const objects: OtherObjects[] = []
  const names: string[] = []
  let notAll = sources.length === 0 ? GIVE : undefined
  for (const source of sources) {
    const found = await source.objects?.(work, call)
    if (found === undefined) notAll = `${source.where} has no git repository that could be asked: ${GIVE}`
    else {
      objects.push(found)
      names.push(source.where)
      if (found.isPartial) notAll = `${source.where} has not all of the history: ${GIVE}`
    }
  }
  return { objects, where: names.join(', '), notAll }
}

const GIVE = 'give --from CLONE, a clone or a second store that has all of it, or push it again'

/** Why refs that lead to what no source has stay; undefined: they go. */
export async function whyNotDropped(
  { store, directory }: StoredDataset,
  { notAll }: Others,
  call: CallOptions,
): Promise<string | undefined> {
  if (notAll !== undefined || !(await isAppendOnly(store, directory, call))) return notAll
  return 'no source has what it leads to, and the store is append-only: push it again'
}
