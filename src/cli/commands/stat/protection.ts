import type { Keeping } from '../../../store/keeping.ts'
import { type Numbers, nameOf } from './counted.ts'

/** So many datasets are named. */
const NAMED = 10

/** What keeps a store from losing something, a line each; none where nothing does. */
export function protectionLines({ facts, counted }: Numbers): string[] {
  const { appendOnly, appendOnlyUntil, keeping } = facts
  const own = counted.filter((each) => each.appendOnly === true)
  const names = own.slice(0, NAMED).map((each) => `${nameOf(each)}${until(each)}`)
  const more = own.length > NAMED ? `, and ${own.length - NAMED} more` : ''
  return [
    ...(appendOnly ? [`append-only${until({ appendOnlyUntil })}: riastore removes and replaces nothing in it`] : []),
    ...(own.length > 0 ? [`append-only datasets: ${names.join(', ')}${more}`] : []),
    ...(keeping === undefined ? [] : [versioningLine(keeping), ...lockLine(keeping)]),
  ]
}

function until({ appendOnlyUntil }: { readonly appendOnlyUntil?: string | undefined }): string {
  return appendOnlyUntil === undefined ? '' : ` until ${appendOnlyUntil}`
}

function versioningLine({ versioning }: Keeping): string {
  if (versioning === undefined) return 'versioning: not known: we may not look (s3:GetBucketVersioning)'
  if (versioning === 'off') return 'versioning: off: what any program removes or replaces is gone'
  const since = versioning === 'on' ? 'on' : 'suspended: what was kept before stays'
  return `versioning: ${since}${versioning === 'on' ? ': what any program removes or replaces can be had back' : ''}`
}

function lockLine({ versioning, objectLock, lockedByDefault }: Keeping): string[] {
  if (objectLock === undefined)
    return versioning === 'off' ? [] : ['Object Lock: not known: we may not look (s3:GetBucketObjectLockConfiguration)']
  if (objectLock === 'off') return versioning === 'off' ? [] : ['Object Lock: off: who may delete versions, can']
  const byDefault =
    lockedByDefault === undefined ? 'nothing is locked by default' : `by default ${lockedByDefault} from each upload on`
  return [`Object Lock: on: what is locked nobody deletes before its time; ${byDefault}`]
}
