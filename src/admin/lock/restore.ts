import { isStoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import { fileNameOf, objectsDirectory, placesOf, tombstonePath } from '../../ria/layout/places.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, MoveOptions, Sharing } from '../../store/store.ts'

/**
 * Puts a loose copy back that somebody was about to remove: to be loose as well does no harm. One
 * whose key was dropped meanwhile, or is loose again, stays where it is, to be removed.
 */
export async function restoreKey(
  stored: StoredDataset,
  from: string,
  key: string,
  { sharing, signal }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  const call = { signal }
  const { dataset } = await readLayout(stored, call)
  const places = placesOf(key, dataset.version).map((place) => `${objectsDirectory(stored.directory)}/${place}`)
  const [first] = places
  const found = await stored.store.statAll([tombstonePath(stored.directory, fileNameOf(from)), ...places], call)
  if (first === undefined || found.some((stat) => stat !== undefined)) return
  try {
    await stored.store.move(from, first, { ...call, within: stored.directory, sharing } satisfies MoveOptions)
  } catch (error) {
    if (isStoreError(error, 'missing')) return // its owner has removed it, or put it back
    if (!isStoreError(error, 'unsupported')) throw error
    await copy(stored, from, first, { ...call, sharing })
  }
}

/** Where nothing can be renamed. */
async function copy(
  dataset: StoredDataset,
  from: string,
  to: string,
  { sharing, ...call }: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  const consume = async (bytes: AsyncIterable<Uint8Array>, { size }: { readonly size: number }) => {
    let isOpened = false
    const source: Source = {
      size,
      async *open() {
        if (isOpened) throw new Error('it can be read once only')
        isOpened = true
        yield* bytes
      },
    }
    await dataset.store.put(to, source, { ...call, within: dataset.directory, sharing })
  }
  await dataset.store.get(from, consume, call)
}
