import { html } from 'hono/html'
import { type Html, sizeInWords } from './page.ts'
import { isPicture, isTable } from './preview-kinds.ts'

/** So much of a file is shown. Bytes. */
export const PREVIEW_BYTES = 64 * 1024

const MAX_ROWS = 50
const MAX_COLUMNS = 50

/**
 * What a page says of a file besides its name: a picture, the first rows of a table, or text.
 * `href`: the file itself; undefined: nobody can get it here.
 */
export function previewOf(name: string, size: number | undefined, beginning: Buffer, href: string | undefined): Html {
  const length = size === undefined ? '' : ` (${sizeInWords(size)})`
  const whole = href === undefined ? '' : html`<p><a href="${href}">The file itself</a>${length}</p>`
  if (href !== undefined && isPicture(name)) return html`${whole}<p><img src="${href}" alt="${name}"></p>`
  const isPart = size === undefined || size > beginning.length
  const lines = beginning.toString('utf8').split(/\r?\n/)
  if (isPart) lines.pop() // it may be cut
  if (isTable(name)) return html`${whole}${tableOf(name, lines)}`
  return html`${whole}<pre tabindex="0">${lines.join('\n')}</pre>${isPart ? html`<p>This is its beginning.</p>` : ''}`
}

function tableOf(name: string, lines: readonly string[]): Html {
  const separator = /\.csv$/i.test(name) ? ',' : '\t'
  const rows = lines.filter((line) => line !== '').map((line) => cellsOf(line, separator).slice(0, MAX_COLUMNS))
  const [head = [], ...body] = rows
  const shown = body.slice(0, MAX_ROWS).map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)
  const more = body.length > MAX_ROWS ? html`<p>These are its first ${MAX_ROWS} rows.</p>` : ''
  return html`<div class="preview" tabindex="0" role="region" aria-label="First rows">
<table><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${shown}</tbody></table>
</div>${more}`
}

/** Source: RFC 4180; a quoted cell ends with its line. */
function cellsOf(line: string, separator: string): readonly string[] {
  if (separator !== ',') return line.split(separator)
  const cells = line.match(/("(?:[^"]|"")*"|[^",]*)(,|$)/g) ?? [line]
  const plain = cells.map((cell) => cell.replace(/,$/, '')).map((cell) => cell.replace(/^"([\s\S]*)"$/, '$1'))
  const last = line.endsWith(',') ? plain : plain.slice(0, -1)
  return last.map((cell) => cell.replaceAll('""', '"'))
}
