import { nameOf } from '../admin/inventory/name.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import type { CatalogueEntry } from './pages/card-page.ts'
import type { Views } from './views.ts'

const MAX_DESCRIPTION_BYTES = 64 * 1024

/** What the catalogue says of a dataset. Throws StoreError. */
export async function entryOf(
  views: Pick<Views, 'revision' | 'card'>,
  dataset: StoredDataset,
  aliases: readonly string[],
  call: CallOptions,
): Promise<CatalogueEntry> {
  const revision = await views.revision(dataset, 'HEAD', call)
  const description = (await dataset.findSmall('description', MAX_DESCRIPTION_BYTES, call))?.toString()
  const card = revision && (await views.card(dataset, revision))
  const name = card?.title ?? (await nameOf({ revision, config: undefined, description }))
  return { id: dataset.directory.replace('/', ''), aliases, name, committedMs: revision?.commit.committedMs, card }
}
