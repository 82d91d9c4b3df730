import type { Exchange } from './exchange.ts'
import { PAGE, PAGE_END, pagePolicy } from './pages/page.ts'

/** How a list is shown to people and to programs. */
export interface ListForms<T> {
  /** Of a page, before its rows. */
  readonly top: string
  readonly row: (item: T) => string
  readonly object: (item: T) => object
  /** Of a page, behind its rows. */
  readonly end: () => Promise<string>
}

/** What every page is sent with. It may ask for another page, and show pictures of datasets. */
export const PAGE_HEADERS = {
  'Content-Security-Policy': pagePolicy("img-src 'self'; form-action 'self'; frame-ancestors 'none'"),
  'Cache-Control': 'no-cache',
} as const

/** As a page, or an object of JSON a line for whoever asks for that, in the order of the items. */
export async function sendList<T>(exchange: Exchange, items: AsyncIterable<T>, forms: ListForms<T>): Promise<void> {
  const isJson = wantsJson(exchange)
  const begin = () => {
    if (exchange.hasBegun) return ''
    exchange.begin(200, { ...PAGE_HEADERS, 'Content-Type': isJson ? 'application/jsonl; charset=utf-8' : PAGE })
    return isJson ? '' : forms.top
  }
  if (exchange.isHead) {
    begin()
    return exchange.end()
  }
  for await (const item of items) {
    const text = isJson ? `${JSON.stringify(forms.object(item))}\n` : forms.row(item)
    await exchange.write(Buffer.from(begin() + text))
  }
  const end = isJson ? '' : (await forms.end()) + PAGE_END
  exchange.end(Buffer.from(begin() + end))
}

/** What stands behind the `?`. */
export function queryOf({ request }: Exchange): URLSearchParams {
  return new URLSearchParams(/\?(.*)$/s.exec(request.url ?? '')?.[1])
}

/** Whether a program asks. */
export function wantsJson(exchange: Exchange): boolean {
  const format = queryOf(exchange).get('format')
  if (format !== null) return format === 'json'
  return /\bapplication\/(jsonl|json)\b/.test(exchange.request.headers.accept ?? '')
}
