import { html } from 'hono/html'
import { type Html, PAGE_END, pagePolicy, pageTop, type Trail } from '../pages/page.ts'

/** A file of a catalogue. */
export interface StaticPage {
  readonly name: string
  readonly text: string
}

export interface StaticPageOptions {
  readonly title: string
  readonly above: Trail
  readonly intro?: Html | string
  readonly body: string
  /** Where pictures may come from besides the place of the page: `https://host`. */
  readonly pictures?: readonly string[]
  /** The file with a script of ours, beside the page. */
  readonly script?: string | undefined
}

/** A page that comes without headers: it says itself what it may do. */
export function staticPage({ title, above, intro = '', body, pictures = [], script }: StaticPageOptions): string {
  const scripts = script === undefined ? '' : "script-src 'self'; "
  const policy = pagePolicy(`${scripts}img-src ${["'self'", ...pictures].join(' ')}; form-action 'none'`)
  const head = html`<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">${script === undefined ? '' : html`<script src="${script}" defer></script>`}`
  return pageTop(title, above, intro, head) + body + PAGE_END
}

/** The way from one page of a list to the others; nothing where there is one only. */
export function pageNavigation(number: number, hasNext: boolean, nameOf: (number: number) => string): string {
  if (number === 1 && !hasNext) return ''
  const previous = number > 1 ? html`<a href="${nameOf(number - 1)}" rel="prev">Previous page</a> ` : ''
  const next = hasNext ? html` <a href="${nameOf(number + 1)}" rel="next">Next page</a>` : ''
  return String(html`<nav aria-label="Pages of this list">${previous}Page ${number}${next}</nav>
`)
}

/**
 * Cuts what comes into pages, and says of each whether there is a next one. There is at least one.
 */
export async function* inPages<T>(
  items: AsyncIterable<T> | Iterable<T>,
  length: number,
): AsyncGenerator<{ readonly items: readonly T[]; readonly number: number; readonly hasNext: boolean }, void, void> {
  let [number, page]: [number, T[]] = [1, []]
  for await (const item of items) {
    if (page.length === length) {
      yield { items: page, number, hasNext: true }
      number += 1
      page = []
    }
    page.push(item)
  }
  yield { items: page, number, hasNext: false }
}
