import { html } from 'hono/html'
import MiniSearch from 'minisearch'
import type { CatalogueEntry } from '../pages/card-page.ts'
import type { Html } from '../pages/page.ts'
import { titleOf } from './dataset-site.ts'
import { hrefOf } from './index-pages.ts'
import { SEARCH_SCRIPT } from './search-script.ts'
import type { StaticPage } from './static-page.ts'

/** What a page with a list of datasets loads, and what that loads when somebody searches. */
export const SEARCH_FILE = 'search.js'
const DATA_FILE = 'search-data.js'

/** The same for whoever makes the index and whoever asks it, in a browser. */
export const OPTIONS = {
  fields: ['title', 'id', 'about', 'authors', 'keywords', 'words'],
  storeFields: ['title', 'href', 'about'],
  searchOptions: { prefix: true, combineWith: 'AND', boost: { title: 3, keywords: 2 } },
} as const

/** So much of a description is shown of what was found. Characters. */
const MAX_ABOUT = 300

export interface SearchedEntry {
  readonly entry: CatalogueEntry
  /** How its README begins. */
  readonly words: string
}

/**
 * What the list of datasets is searched by, where a browser runs scripts. `library`: the text of
 * MiniSearch for browsers.
 */
export function searchFiles(library: string, entries: readonly SearchedEntry[]): readonly StaticPage[] {
  const index = new MiniSearch({ ...OPTIONS, fields: [...OPTIONS.fields], storeFields: [...OPTIONS.storeFields] })
  index.addAll(
    entries.map(({ entry, words }) => ({
      id: entry.id,
      title: titleOf(entry),
      href: hrefOf(entry),
      about: (entry.card?.description ?? '').slice(0, MAX_ABOUT),
      authors: (entry.card?.authors ?? []).join('\n'),
      keywords: [...(entry.card?.keywords ?? []), ...entry.aliases, entry.card?.licence ?? ''].join('\n'),
      words,
    })),
  )
  const script = SEARCH_SCRIPT.replace('OPTIONS', () => JSON.stringify(OPTIONS)).replace('DATA_FILE', DATA_FILE)
  const plain = library.replace(/^\/\/# sourceMappingURL=.*$/m, '')
  return [
    // A text, for the names in an object of a script may mean something.
    { name: DATA_FILE, text: `riastoreFound(JSON.parse(${JSON.stringify(JSON.stringify(index))}))\n` },
    { name: SEARCH_FILE, text: `${plain.trimEnd()}\n${script}` },
  ]
}

/** Where somebody types what is searched; a script shows it. */
export const SEARCH_FORM: Html = html`<form role="search" id="search" hidden><div><label for="q">Search datasets</label><br>
<input id="q" type="search" autocomplete="off"></div></form><p id="found" role="status" hidden></p>
<ul class="datasets" id="results" hidden></ul>`
