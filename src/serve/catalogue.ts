import { describeDataset } from '../admin/inventory/describe.ts'
import { isStoreError, messageOf, StoreError } from '../core/errors.ts'
import { inOrder } from '../core/parallel.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { entryOf } from './catalogue-entry.ts'
import type { Exchange } from './exchange.ts'
import { queryOf, sendList, wantsJson } from './lists.ts'
import { type CatalogueEntry, catalogueItem, LIST_END, LIST_TOP, matches, searchForm } from './pages/card-page.ts'
import { pageTop } from './pages/page.ts'
import { datasetHref } from './served-links.ts'
import type { Views } from './views.ts'

/** A dataset needs several calls of the store. */
const DATASETS_AT_ONCE = 8

/** Answers with a list of all datasets, or of those that have some words (`?q=`). */
export async function sendDatasets(exchange: Exchange, views: Views): Promise<void> {
  const call = { signal: exchange.signal }
  const words = queryOf(exchange).get('q')?.trim() ?? ''
  const aliases = await views.aliases()
  const namesOf = ({ directory }: StoredDataset) => aliases.get(directory) ?? []
  const datasets = inOrder(views.datasets(call), DATASETS_AT_ONCE, async (dataset) => ({
    dataset,
    entry:
      wantsJson(exchange) && words === '' ? undefined : await entryOrProblem(views, dataset, namesOf(dataset), call),
  }))
  const found = async function* () {
    for await (const each of datasets) if (words === '' || (each.entry && matches(each.entry, words))) yield each
  }
  if (!wantsJson(exchange)) {
    return sendList(exchange, found(), {
      top: pageTop('Datasets', [], searchForm(words)) + LIST_TOP,
      row: ({ entry }) => (entry === undefined ? '' : catalogueItem(entry, datasetHref(entry.id))),
      object: ({ entry }) => entry ?? {},
      end: async () => LIST_END,
    })
  }
  const described = inOrder(found(), DATASETS_AT_ONCE, ({ dataset }) =>
    describeDataset(dataset, { ...call, aliases: namesOf(dataset) }),
  )
  await sendList(exchange, described, {
    top: '',
    row: () => '',
    object: ({ id, aliases: names, name, newest }) => ({ id, aliases: names, name, newest }),
    end: async () => '',
  })
}

/** Of a dataset that cannot be read that it cannot. */
async function entryOrProblem(...args: Parameters<typeof entryOf>): Promise<CatalogueEntry> {
  try {
    return await entryOf(...args)
  } catch (error) {
    if (!(error instanceof StoreError) || isStoreError(error, 'unreachable', 'aborted')) throw error
    const [, dataset, aliases] = args
    const plain = { id: dataset.directory.replace('/', ''), aliases, name: undefined }
    return { ...plain, committedMs: undefined, card: undefined, problem: messageOf(error) }
  }
}
