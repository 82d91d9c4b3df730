import { encodePath } from '../../store/common/http-wire.ts'
import { type CatalogueEntry, catalogueItem, LIST_END, LIST_TOP } from '../pages/card-page.ts'
import type { Html } from '../pages/page.ts'
import { FIRST_PAGE } from './dataset-site.ts'
import { inPages, pageNavigation, type StaticPage, staticPage } from './static-page.ts'

/** The directory that has one for each dataset. */
export const DATASETS = 'd'

/** What the files at the top are called that are shown. */
export const TOP_FILE = /^(?:(?:index|datasets-\d+)\.html|search(?:-data)?\.js)$/

/** Datasets in one page. */
const PAGE_DATASETS = 200

export interface IndexOptions {
  /** What stands over the list: how it is searched. */
  readonly intro: Html | string
  readonly script: string | undefined
  readonly pageDatasets?: number | undefined
}

/** The list of all datasets in pages; the one that it begins with is the last. */
export async function* indexPages(
  entries: readonly CatalogueEntry[],
  { intro, script, pageDatasets = PAGE_DATASETS }: IndexOptions,
): AsyncGenerator<StaticPage, void, void> {
  const nameOf = (number: number) => (number === 1 ? FIRST_PAGE : `datasets-${number}.html`)
  let first: StaticPage | undefined
  for await (const { items, number, hasNext } of inPages(entries, pageDatasets)) {
    const list = LIST_TOP + items.map((entry) => catalogueItem(entry, hrefOf(entry))).join('') + LIST_END
    const title = number === 1 ? 'Datasets' : `Datasets, page ${number}`
    const body = list + pageNavigation(number, hasNext, nameOf)
    const page = {
      name: nameOf(number),
      text: staticPage({ title, above: number === 1 ? [] : [['Datasets', FIRST_PAGE]], intro, body, script }),
    }
    if (number === 1) first = page
    else yield page
  }
  if (first !== undefined) yield first
}

/** A dataset into which nothing was pushed has no page. */
export function hrefOf({ id, card }: CatalogueEntry): string | undefined {
  return card === undefined ? undefined : `${directoryOf(encodePath(id))}/${FIRST_PAGE}`
}

/** Where the pages of a dataset are. */
export function directoryOf(id: string): string {
  return `${DATASETS}/${id}`
}
