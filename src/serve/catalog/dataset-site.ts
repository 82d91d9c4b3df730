import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { type FileFacts, fileFacts } from '../../admin/inventory/files.ts'
import { inOrder } from '../../core/parallel.ts'
import { encode } from '../../core/text.ts'
import { annexKeyOf } from '../../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../../git/revision.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { unescapeText } from '../../ria/url.ts'
import type { CallOptions } from '../../store/store.ts'
import { type Card, type Readme, readReadme } from '../pages/card.ts'
import { aboutDataset, HISTORY_COLUMNS, historyRow, isMarkdown, readmeSection } from '../pages/card-page.ts'
import { linksBeside, type ResolveLink } from '../pages/markdown.ts'
import { FILE_COLUMNS, fileRow, TABLE_END, type Trail, tableTop } from '../pages/page.ts'
import { PREVIEW_BYTES, previewOf } from '../pages/preview.ts'
import { canPreview, isPicture } from '../pages/preview-kinds.ts'
import type { Content, ContentLinks } from './content-links.ts'
import { inPages, pageNavigation, type StaticPage, staticPage } from './static-page.ts'

/** Files in one page. */
const PAGE_FILES = 1_000

/** So many pages a dataset has at most, whatever strangers put into it. */
const MAX_PAGES = 20_000

/** So many commits are shown. */
const MAX_HISTORY = 100

/** So many links of a README are followed. */
const MAX_LINKS = 200

/** The page that a dataset begins with. */
export const FIRST_PAGE = 'index.html'

const HISTORY_PAGE = 'history.html'

/** What the pages of a dataset are called. */
export const DATASET_PAGE = /^(?:index|history|(?:tree|view)-[0-9a-f]+)(?:-\d+)?\.html$/

export interface SiteOptions {
  readonly dataset: StoredDataset
  readonly revision: Revision
  readonly card: Card
  readonly title: string
  readonly content: ContentLinks
  /** `ria+https://…#<id>`, as readers clone it. */
  readonly cloneUrl: string | undefined
  /** The page of a dataset in the catalogue, seen from those of this one. */
  readonly linkToDataset: (id: string) => string | undefined
  readonly pictures: readonly string[]
  readonly pageFiles?: number | undefined
  readonly maxPages?: number | undefined
}

/** What gets a page of its own. */
interface Subject {
  readonly entry: RevisionEntry
  readonly name: string
}

/**
 * The pages of a dataset at a commit. Their names are made of checksums of paths, so that no path,
 * however long or strange, leads elsewhere.
 */
export class DatasetSite {
  readonly #options: SiteOptions
  readonly #call: CallOptions
  readonly #subjects = new Map<string, Subject>()
  readonly #waiting: Subject[] = []
  /** How many pages there may be besides those that are begun or wait. */
  #left: number
  #untilMs: number | undefined

  constructor(options: SiteOptions, call: CallOptions) {
    this.#options = options
    this.#call = call
    this.#left = options.maxPages ?? MAX_PAGES
  }

  /** When the first of the links that were made ends. ms since 1970. */
  get untilMs(): number | undefined {
    return this.#untilMs
  }

  /** Makes all pages; the one that the dataset begins with is the last. Throws StoreError. */
  async *pages(): AsyncGenerator<StaticPage, void, void> {
    const { revision } = this.#options
    const top = await revision.find('')
    if (top === undefined) return
    let first: StaticPage | undefined
    this.#pageOf(top)
    yield await this.#history()
    for (let subject = this.#waiting.shift(); subject !== undefined; subject = this.#waiting.shift()) {
      if (subject.entry.kind !== 'directory') yield await this.#view(subject)
      else {
        for await (const page of this.#directory(subject)) {
          if (page.name === FIRST_PAGE) first = page
          else yield page
        }
      }
    }
    if (first !== undefined) yield first
  }

  /** The page of a directory, or of a file that can be shown, which is made then; or undefined. */
  #pageOf(entry: RevisionEntry): string | undefined {
    const known = this.#subjects.get(entry.path)
    if (known !== undefined) return known.name
    if (this.#left <= 0) return undefined
    this.#left -= 1
    const hash = createHash('sha256').update(encode(entry.path)).digest('hex').slice(0, 24)
    const kind = entry.kind === 'directory' ? 'tree' : 'view'
    const subject = { entry, name: entry.path === '' ? FIRST_PAGE : `${kind}-${hash}.html` }
    this.#subjects.set(entry.path, subject)
    this.#waiting.push(subject)
    return subject.name
  }

  async *#directory({ entry, name: firstName }: Subject): AsyncGenerator<StaticPage, void, void> {
    const { dataset, revision, card, title: ofDataset, pageFiles = PAGE_FILES } = this.#options
    const { path } = entry
    const nameOf = (number: number) => (number === 1 ? firstName : firstName.replace(/(\.html)$/, `-${number}$1`))
    const rows = inOrder(revision.list(entry, false), dataset.store.traits.maxInFlight, (each) => this.#row(each))
    const readme = path === '' ? card.readme : await readReadme(revision, entry)
    for await (const { items, number, hasNext: isMore } of inPages(rows, pageFiles)) {
      // A page that another leads to was counted with its directory.
      const hasNext = isMore && this.#left > 0
      if (hasNext) this.#left -= 1
      const isFirst = number === 1
      const intro = isFirst && path === '' ? this.#about() : ''
      const end = isMore && !hasNext ? '<p>There are more files than are listed here.</p>\n' : ''
      const text = isFirst && readme !== undefined ? readmeSection(readme, await this.#resolver(readme, path)) : ''
      const plain = path === '' ? ofDataset : path
      yield {
        name: nameOf(number),
        text: this.#page({
          title: isFirst ? plain : `${plain}, page ${number}`,
          above: this.#trailTo(path),
          intro,
          body:
            tableTop(FILE_COLUMNS) + items.join('') + TABLE_END + end + pageNavigation(number, hasNext, nameOf) + text,
        }),
      }
      if (isMore && !hasNext) return
    }
  }

  async #row(entry: RevisionEntry): Promise<string> {
    const { card, linkToDataset, revision } = this.#options
    const file = await fileFacts(revision, undefined, entry, this.#call)
    if (entry.kind === 'directory') return fileRow(file, { href: this.#pageOf(entry) })
    if (entry.kind === 'subdataset') {
      const id = card.subdatasets.find(({ path }) => path === entry.path)?.id
      return fileRow(file, { href: id === undefined ? undefined : linkToDataset(id.toLowerCase()) })
    }
    return fileRow(file, { ...(await this.#contentOf(file)), view: this.#viewOf(entry, file) })
  }

  /** Only what git has itself is shown: content of keys is not read to make pages. */
  #viewOf(entry: RevisionEntry, { path, key, size }: Pick<FileFacts, 'path' | 'key' | 'size'>): string | undefined {
    const isShown = entry.kind !== 'link' && key === undefined && canPreview(path) && !isPicture(path)
    return isShown && (size ?? Infinity) <= PREVIEW_BYTES ? this.#pageOf(entry) : undefined
  }

  async #view({ entry, name }: Subject): Promise<StaticPage> {
    const content = await this.#options.revision.read(entry)
    const href = this.#options.content.served(entry.path)
    const intro = previewOf(entry.name, content.length, content, href)
    return { name, text: this.#page({ title: entry.name, above: this.#trailTo(entry.path), intro, body: '' }) }
  }

  async #history(): Promise<StaticPage> {
    let rows = ''
    for await (const commit of this.#options.revision.history(MAX_HISTORY)) rows += historyRow(commit, undefined)
    const body = tableTop(HISTORY_COLUMNS) + rows + TABLE_END
    return { name: HISTORY_PAGE, text: this.#page({ title: 'History', above: this.#trailTo('?'), body }) }
  }

  #about() {
    const { card, cloneUrl, revision, content, linkToDataset } = this.#options
    const all = content.served('')
    const archives =
      all === undefined ? [] : (['zip', 'tar'] as const).map((kind) => [kind, `${all}?archive=${kind}`] as const)
    const links = { history: HISTORY_PAGE, archives, dataset: linkToDataset }
    return aboutDataset(card, { cloneUrl, ref: 'HEAD', committedMs: revision.commit.committedMs, links })
  }

  async #contentOf(file: Pick<FileFacts, 'path' | 'key' | 'kind'>): Promise<Content> {
    const content = await this.#options.content.contentOf(file, this.#call)
    if (content.untilMs !== undefined) this.#untilMs = Math.min(content.untilMs, this.#untilMs ?? Infinity)
    return content
  }

  /** Where the links of a README lead, which it has as they are in a clone. */
  async #resolver(readme: Readme, directory: string): Promise<ResolveLink> {
    const found = new Map<string, string>()
    if (!isMarkdown(readme)) return () => undefined
    for (const href of linksBeside(readme.text).slice(0, MAX_LINKS)) {
      const path = posix.join('/', directory, unescapeText(href.replace(/[?#].*$/s, ''))).slice(1)
      const entry = await this.#options.revision.find(path)
      const target = entry && (await this.#placeOf(entry))
      if (target !== undefined) found.set(href, target)
    }
    return (href) => found.get(href)
  }

  async #placeOf(entry: RevisionEntry): Promise<string | undefined> {
    const { path, kind } = entry
    if (kind === 'subdataset') return undefined
    if (kind === 'directory') return this.#pageOf(entry)
    const { revision } = this.#options
    const key = await annexKeyOf(revision, entry)
    const size = key === undefined ? await revision.sizeOf(entry) : undefined
    return (await this.#contentOf({ path, key, kind })).href ?? this.#viewOf(entry, { path, key, size })
  }

  /** The pages above that of a path. */
  #trailTo(path: string): Trail {
    if (path === '') return [HOME]
    const above: (readonly [string, string])[] = [HOME, [this.#options.title, FIRST_PAGE]]
    const parts = path.split('/').slice(0, -1)
    for (const [i, part] of parts.entries()) {
      const subject = this.#subjects.get(parts.slice(0, i + 1).join('/'))
      if (subject !== undefined) above.push([part, subject.name])
    }
    return above
  }

  #page(page: Omit<Parameters<typeof staticPage>[0], 'pictures'>): string {
    return staticPage({ ...page, pictures: this.#options.pictures })
  }
}

/** The list of all datasets, seen from the pages of one. */
const HOME = ['Datasets', '../../index.html'] as const

/** The name that stands over the pages of a dataset. */
export function titleOf({ name, aliases, id }: { name: string | undefined; aliases: readonly string[]; id: string }) {
  return name ?? (aliases[0] === undefined ? id : `~${aliases[0]}`)
}
