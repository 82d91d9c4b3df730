import { ConfigError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'

/** A directory of a store; '' is the store's own. */
export interface Place {
  readonly store: Store
  readonly directory: string
}

/**
 * Sees to it that two places are two, whatever links and addresses lead there (a path and ssh, a
 * mount, a symbolic link): what is put into the second must not be seen in the first. Else to
 * remove the original would remove the copy. Throws ConfigError, and StoreError.
 */
export async function requireTwoPlaces(original: Place, copy: Place, call: CallOptions): Promise<void> {
  const name = temporaryName()
  const at = ({ directory }: Place) => (directory === '' ? name : `${directory}/${name}`)
  const within = copy.directory === '' ? undefined : copy.directory
  await copy.store.put(at(copy), bufferSource(''), { ...call, ...(within && { within }) })
  let isSame = true
  try {
    isSame = (await original.store.stat(at(original), call)) !== undefined
  } finally {
    await copy.store.remove(at(copy))
  }
  if (!isSame) return
  const [one, other] = [original, copy].map(({ store, directory }) => `${store.traits.root}/${directory}`)
  throw new ConfigError(`SRC and DST are the same store: ${one} is ${other}`)
}
