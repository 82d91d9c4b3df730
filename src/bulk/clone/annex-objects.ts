import { dirHash } from '../../core/dirhash.ts'
import { keyFileName } from '../../core/key.ts'
import type { Clone } from './clone.ts'

/**
 * Where git-annex keeps the object of a key, and looks for it: a bare repository writes by one hash
 * and looks by both (internals/hashing).
 */
export interface ObjectPlaces {
  /** Below `annex/objects`, the place where it is written first. */
  readonly directories: readonly [first: string, ...others: string[]]
  readonly fileName: string
}

export function objectPlaces({ isBare }: Clone, key: string): ObjectPlaces {
  const { mixed, lower } = dirHash(key)
  const fileName = keyFileName(key)
  return { directories: isBare ? [lower, mixed] : [mixed, lower], fileName }
}
