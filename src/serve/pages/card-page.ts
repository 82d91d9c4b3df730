import { html, raw } from 'hono/html'
import type { HistoryEntry } from '../../git/revision.ts'
import type { Card, Readme } from './card.ts'
import { markdownToHtml, type ResolveLink } from './markdown.ts'
import { dayOf, type Html, sizeInWords } from './page.ts'

/** A dataset in the catalogue. */
export interface CatalogueEntry {
  readonly id: string
  /** Without `~`. */
  readonly aliases: readonly string[]
  /** What people call it. */
  readonly name: string | undefined
  /** When its newest commit was made; undefined where it has none. */
  readonly committedMs: number | undefined
  readonly card: Card | undefined
  /** What could not be read. */
  readonly problem?: string | undefined
}

/** Longer descriptions are cut in the list. Characters. */
const MAX_DESCRIPTION = 300

/** The form that asks a server for datasets. */
export function searchForm(words: string): Html {
  return html`<form role="search" action="/"><div><label for="q">Search datasets</label><br>
<input id="q" name="q" type="search" value="${words}"></div><button>Search</button></form>
${words === '' ? '' : html`<p>Datasets with <strong>${words}</strong> (<a href="/">all datasets</a>):</p>`}`
}

export const LIST_TOP = '<ul class="datasets">\n'
export const LIST_END = '</ul>\n'

/** `href`: the page of the dataset; undefined: it has none. */
export function catalogueItem(
  { id, aliases, name, committedMs, card, problem }: CatalogueEntry,
  href: string | undefined,
): string {
  const description = card?.description ?? ''
  const cut = description.length > MAX_DESCRIPTION ? `${description.slice(0, MAX_DESCRIPTION)}…` : description
  const facts = [
    ...(card === undefined ? [] : [filesInWords(card)]),
    ...(committedMs === undefined ? ['nothing was pushed yet'] : [`changed ${dayOf(committedMs)}`]),
    ...(card?.licence ? [card.licence] : []),
    ...aliases.map((alias) => `~${alias}`),
  ]
  return String(html`<li><h2>${href === undefined ? (name ?? id) : html`<a href="${href}">${name ?? id}</a>`}</h2>
${cut === '' ? '' : html`<p>${cut}</p>`}${card?.authors.length ? html`<p>${card.authors.join(', ')}</p>` : ''}
<p>${facts.join(' · ')}${problem === undefined ? '' : ` · ${problem}`}</p></li>
`)
}

/** Whether all words are somewhere in what a dataset says of itself, whatever their case. */
export function matches({ id, aliases, name, card }: CatalogueEntry, words: string): boolean {
  const said = [
    ...[id, name, card?.title, card?.description, card?.licence, card?.doi, card?.readme?.text],
    ...[...aliases, ...(card?.authors ?? []), ...(card?.keywords ?? [])],
  ]
  const text = said.join('\n').toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

/** What stands over the files of a dataset. */
export function aboutDataset(card: Card, { ref, committedMs, links, cloneUrl }: AboutOptions): Html {
  const row = (name: string, value: Html | string | undefined) =>
    value === undefined || value === '' ? '' : html`<dt>${name}</dt><dd>${value}</dd>`
  const doi = card.doi?.replace(/^(https?:\/\/(dx\.)?doi\.org\/|doi:)/i, '')
  return html`${card.description === undefined ? '' : html`<p>${card.description}</p>`}
<dl>${row('Authors', card.authors.join(', '))}${row('Licence', card.licence)}${row('Keywords', card.keywords.join(', '))}
${row('DOI', doi && html`<a rel="nofollow noreferrer" href="https://doi.org/${encodeURI(doi.toWellFormed())}">${doi}</a>`)}
${row('Files', filesInWords(card))}${row('Changed', html`${dayOf(committedMs)} (<a href="${links.history}">history</a>)`)}
${row('All files', allFiles(links))}</dl>
${cloneUrl === undefined ? '' : html`<h2>Clone it</h2><pre tabindex="0"><code>datalad clone '${cloneUrl}'</code></pre>`}
${subdatasets(card, links)}<h2>Files${ref === 'HEAD' ? '' : ` at ${ref}`}</h2>`
}

export interface AboutOptions {
  /** `ria+http://host:8080/#<id>`, as clients clone it; undefined: nobody knows. */
  readonly cloneUrl: string | undefined
  readonly ref: string
  readonly committedMs: number
  readonly links: DatasetLinks
}

/** Where the page of a dataset leads. */
export interface DatasetLinks {
  readonly history: string
  /** All files in one, by its kind. */
  readonly archives: readonly (readonly [kind: string, href: string])[]
  /** The page of a subdataset; undefined: there is none. */
  readonly dataset: (id: string) => string | undefined
}

function allFiles({ archives }: DatasetLinks): Html | undefined {
  if (archives.length === 0) return undefined
  return html`${archives.map(([kind, href], i) => html`${i === 0 ? '' : ', '}<a href="${href}">${kind}</a>`)}`
}

function subdatasets({ subdatasets: all }: Card, links: DatasetLinks): Html | string {
  if (all.length === 0) return ''
  const items = all.map(({ path, id }) => {
    const isId = id !== undefined && /^[0-9a-f-]{36}$/i.test(id)
    const href = isId ? links.dataset(id.toLowerCase()) : undefined
    return href === undefined ? html`<li>${path}</li>` : html`<li><a href="${href}">${path}</a></li>`
  })
  return html`<h2>Subdatasets</h2><ul>${items}</ul>`
}

function filesInWords({ files: { count, bytes, isPart } }: Card): string {
  const files = `${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'}`
  return isPart ? `more than ${files}` : `${files}, ${sizeInWords(bytes)}`
}

/** Whether a README says in Markdown what it says. */
export function isMarkdown({ name }: Pick<Readme, 'name'>): boolean {
  return /\.(md|markdown)$/i.test(name)
}

/**
 * A README, as text or, where it is Markdown, as what that says. `resolve`: see `markdownToHtml`.
 */
export function readmeSection({ name, text }: Readme, resolve?: ResolveLink): string {
  const content = isMarkdown({ name }) ? raw(markdownToHtml(text, resolve)) : html`<pre tabindex="0">${text}</pre>`
  return String(html`<section class="readme" aria-label="${name}">${content}</section>`)
}

export const HISTORY_COLUMNS = ['Day', 'Author', 'Commit']

/** `href`: the dataset as it was then; undefined: there is no page of it. */
export function historyRow({ id, committedMs, author, subject }: HistoryEntry, href: string | undefined): string {
  const shown = subject === '' ? id.slice(0, 12) : subject
  return String(html`<tr><td>${dayOf(committedMs)}</td><td>${author}</td>
<td>${href === undefined ? shown : html`<a href="${href}">${shown}</a>`}</td></tr>
`)
}
