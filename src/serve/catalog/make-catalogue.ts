import { createHash } from 'node:crypto'
import { ConfigError, isStoreError } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { encodePath } from '../../store/common/http-wire.ts'
import type { CallOptions } from '../../store/store.ts'
import { entryOf } from '../catalogue-entry.ts'
import type { CatalogueEntry } from '../pages/card-page.ts'
import type { Views } from '../views.ts'
import { ContentLinks, type ContentOptions, pictureSources } from './content-links.ts'
import { DATASET_PAGE, DatasetSite, FIRST_PAGE, titleOf } from './dataset-site.ts'
import { DATASETS, directoryOf, indexPages, TOP_FILE } from './index-pages.ts'
import { ListedKeys } from './listed-keys.ts'
import {
  type DatasetRecord,
  formatMark,
  formatRecord,
  MARK_FILE,
  parseMark,
  parseRecord,
  RECORD_FILE,
} from './record.ts'
import { SEARCH_FILE, SEARCH_FORM, type SearchedEntry, searchFiles } from './search.ts'
import { PageSet, type Shelf } from './shelf.ts'

/** A dataset needs several calls of the store, and a page of it is in memory. */
const DATASETS_AT_ONCE = 4

/** So much of a README is kept, for the search. Characters. */
const MAX_WORDS = 2_000

export interface CatalogueOptions extends Pick<CallOptions, 'signal'> {
  readonly views: Views
  readonly shelf: Shelf
  readonly content: ContentOptions & {
    /** How long links work that are made anew. ms. */
    readonly lifeMs?: number | undefined
    /** Where pictures come from, besides the place of the pages. */
    readonly pictureUrls?: readonly (string | undefined)[] | undefined
  }
  /** The URL by which readers clone from the store, without a dataset; undefined: nobody knows. */
  readonly cloneUrl: string | undefined
  /** The version of the program. What another one made is made again. */
  readonly by: string
  /** MiniSearch for browsers; undefined: the list cannot be searched. */
  readonly library: string | undefined
  /** All pages are made again. */
  readonly rebuild: boolean
  readonly onDataset: (made: MadeDataset) => void
  /** What kept a dataset from getting its pages: it keeps those that it has. */
  readonly onFailure: (error: unknown, names: DatasetNames) => void
  readonly onProgress: (done: number, total: number) => void
  /** See SiteOptions. */
  readonly pageFiles?: number | undefined
  readonly maxPages?: number | undefined
}

export interface DatasetNames {
  readonly dataset: string
  readonly aliases: readonly string[]
}

/** What became of the pages of a dataset. */
export interface MadeDataset extends DatasetNames {
  readonly pages: number
  readonly written: number
  readonly removed: number
}

export interface MadeCatalogue {
  readonly datasets: number
  /** Files. */
  readonly written: number
  readonly removed: number
  readonly failed: number
  /** When the first of the links ends. ms since 1970. */
  readonly untilMs: number | undefined
}

/**
 * Brings a catalogue up to date: first the pages of datasets that changed, then the list of all,
 * and then those go that are of no dataset any more. Throws ConfigError for a directory that has
 * something else in it, and StoreError.
 */
export async function makeCatalogue(options: CatalogueOptions): Promise<MadeCatalogue> {
  const { views, shelf, signal } = options
  const call = { signal }
  const before = await claim(shelf)
  const datasets: StoredDataset[] = []
  for await (const dataset of views.datasets(call)) datasets.push(dataset)
  const ids = new Set(datasets.map(idOf))
  const aliases = await views.aliases()
  const searched: SearchedEntry[] = []
  const sum = { written: 0, removed: 0, failed: 0, untilMs: undefined as number | undefined }
  let done = 0
  await forEachParallel(datasets, DATASETS_AT_ONCE, async (dataset) => {
    const names = { dataset: idOf(dataset), aliases: [...(aliases.get(dataset.directory) ?? [])].sort() }
    const former = await readRecord(shelf, names.dataset)
    let record = former
    try {
      const { made, report } = await makeDataset(options, dataset, names, former, ids)
      record = made
      sum.written += report.written
      sum.removed += report.removed
      options.onDataset(report)
    } catch (error) {
      if (signal?.aborted || isStoreError(error, 'unreachable', 'aborted')) throw error
      sum.failed += 1
      options.onFailure(error, names)
    }
    if (record?.entry !== undefined) searched.push({ entry: record.entry, words: record.words })
    if (record?.untilMs !== undefined) sum.untilMs = Math.min(record.untilMs, sum.untilMs ?? Infinity)
    options.onProgress(++done, datasets.length)
  })
  const pages = new PageSet(shelf, '', before, () => shelf.write(MARK_FILE, formatMark({})))
  const sorted = byTitle(searched)
  const { library } = options
  if (library !== undefined) for (const { name, text } of searchFiles(library, sorted)) await pages.put(name, text)
  const search = library === undefined ? { intro: '', script: undefined } : { intro: SEARCH_FORM, script: SEARCH_FILE }
  const list = sorted.map(({ entry }) => entry)
  for await (const { name, text } of indexPages(list, search)) await pages.put(name, text)
  sum.written += pages.written
  sum.removed += await removeGone(shelf, ids)
  sum.removed += await pages.removeOthers(TOP_FILE)
  if (pages.written > 0) await shelf.write(MARK_FILE, formatMark(pages.sums))
  return { datasets: searched.length, ...sum }
}

function byTitle(entries: readonly SearchedEntry[]): readonly SearchedEntry[] {
  const keyed = entries.map((each) => [`${titleOf(each.entry).toLowerCase()} ${each.entry.id}`, each] as const)
  keyed.sort(([a], [b]) => (a < b ? -1 : 1))
  return keyed.map(([, each]) => each)
}

/** Makes sure that nothing is there but a catalogue. Returns its pages. */
async function claim(shelf: Shelf) {
  const mark = await shelf.read(MARK_FILE)
  const pages = parseMark(mark?.toString())
  if (pages !== undefined) return pages
  if (!(await shelf.isEmpty())) {
    throw new ConfigError(`${shelf.where} has something in it and is no catalogue: give an empty or a new directory`)
  }
  await shelf.write(MARK_FILE, formatMark({}))
  return {}
}

async function readRecord(shelf: Shelf, id: string): Promise<DatasetRecord | undefined> {
  return parseRecord((await shelf.read(recordOf(id)))?.toString())
}

async function makeDataset(
  options: CatalogueOptions,
  dataset: StoredDataset,
  names: DatasetNames,
  former: DatasetRecord | undefined,
  ids: ReadonlySet<string>,
): Promise<{ readonly made: DatasetRecord; readonly report: MadeDataset }> {
  const { views, shelf, signal, rebuild } = options
  const id = names.dataset
  const made = await inputsOf(options, dataset, names)
  if (former !== undefined && former.made === made && !rebuild && isFresh(former, ids)) {
    return { made: former, report: { ...names, pages: Object.keys(former.pages).length, written: 0, removed: 0 } }
  }
  const unsure = { made: '', linked: [], entry: former?.entry, words: former?.words ?? '', pages: {} }
  const pages = new PageSet(shelf, directoryOf(id), former?.pages ?? {}, () =>
    shelf.write(recordOf(id), formatRecord(unsure)),
  )
  const entry = await entryOrNothing(views, dataset, names, { signal })
  let untilMs: number | undefined
  if (entry.card !== undefined) {
    const site = await putPages(options, dataset, entry, ids, pages)
    untilMs = site.untilMs
  }
  const removed = await pages.removeOthers(DATASET_PAGE)
  const record: DatasetRecord = {
    made,
    untilMs,
    lifeMs: untilMs === undefined ? undefined : options.content.lifeMs,
    linked: linkedOf(entry, ids),
    entry: { ...entry, card: entry.card && { ...entry.card, readme: undefined } },
    words: (entry.card?.readme?.text ?? '').slice(0, MAX_WORDS),
    pages: pages.sums,
  }
  await shelf.write(recordOf(id), formatRecord(record))
  return { made: record, report: { ...names, pages: pages.count, written: pages.written, removed } }
}

async function putPages(
  { views, content, cloneUrl, signal, pageFiles, maxPages }: CatalogueOptions,
  dataset: StoredDataset,
  entry: CatalogueEntry,
  ids: ReadonlySet<string>,
  pages: PageSet,
): Promise<DatasetSite> {
  const revision = await views.revision(dataset, 'HEAD', { signal })
  const { card, id } = entry
  if (revision === undefined || card === undefined) throw dataset.error('conflict', 'get', 'it was changed meanwhile')
  return views.withKeys(dataset, async (keys) => {
    const site = new DatasetSite(
      {
        dataset,
        revision,
        card,
        title: titleOf(entry),
        content: new ContentLinks(new ListedKeys(dataset, keys), content, { id, commit: revision.id }),
        cloneUrl: cloneUrl && `${cloneUrl}#${encodePath(id)}`,
        linkToDataset: (other) => (ids.has(other) ? `../${encodePath(other)}/${FIRST_PAGE}` : undefined),
        pictures: pictureSources([content.serveUrl, content.publicUrl, ...(content.pictureUrls ?? [])]),
        pageFiles,
        maxPages,
      },
      { signal },
    )
    for await (const { name, text } of site.pages()) await pages.put(name, text)
    return site
  })
}

/** A checksum of all that the pages of a dataset are made of. Throws StoreError. */
async function inputsOf(
  { views, content, cloneUrl, by, signal, pageFiles, maxPages }: CatalogueOptions,
  dataset: StoredDataset,
  names: DatasetNames,
): Promise<string> {
  const state = await refsOrNone(views, dataset)
  const archive = await dataset.store.stat(archivePath(dataset.directory), { signal })
  const { serveUrl, publicUrl, presign } = content
  const inputs = [
    ...[by, cloneUrl, serveUrl, publicUrl, presign !== undefined, pageFiles, maxPages, names.aliases],
    ...[state?.head, [...(state?.refs ?? [])].sort(), archive?.identity],
  ]
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex')
}

/** Undefined where there is no repository: only content was stored. */
async function refsOrNone(views: Views, dataset: StoredDataset) {
  try {
    return await views.refs(dataset)
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
    return undefined
  }
}

async function entryOrNothing(
  views: Views,
  dataset: StoredDataset,
  { dataset: id, aliases }: DatasetNames,
  call: CallOptions,
): Promise<CatalogueEntry> {
  const isBegun = (await refsOrNone(views, dataset)) !== undefined
  if (isBegun) return entryOf(views, dataset, aliases, call)
  return { id, aliases, name: undefined, committedMs: undefined, card: undefined }
}

/** Its links lead to datasets that are there, and work for a while. */
function isFresh({ entry, linked, untilMs, lifeMs = 0 }: DatasetRecord, ids: ReadonlySet<string>): boolean {
  const isLinked = entry !== undefined && linkedOf(entry, ids).join() === linked.join()
  return isLinked && (untilMs === undefined || untilMs - Date.now() > lifeMs / 2)
}

function linkedOf({ card }: CatalogueEntry, ids: ReadonlySet<string>): readonly string[] {
  return (card?.subdatasets ?? []).flatMap(({ id }) => (id !== undefined && ids.has(id.toLowerCase()) ? [id] : []))
}

/** Removes the pages of datasets that are not to be in the catalogue. Returns how many files. */
async function removeGone(shelf: Shelf, ids: ReadonlySet<string>): Promise<number> {
  let count = 0
  for (const id of await shelf.namesIn(DATASETS, 'directories')) {
    if (ids.has(id)) continue
    const names = await shelf.namesIn(directoryOf(id), 'files')
    if (!names.includes(RECORD_FILE)) continue
    const pages = names.filter((name) => DATASET_PAGE.test(name))
    // What says that they are ours goes last.
    await shelf.remove(directoryOf(id), pages)
    await shelf.remove(directoryOf(id), [RECORD_FILE])
    count += pages.length
  }
  return count
}

function recordOf(id: string): string {
  return `${directoryOf(id)}/${RECORD_FILE}`
}

function idOf({ directory }: StoredDataset): string {
  return directory.replace('/', '')
}
