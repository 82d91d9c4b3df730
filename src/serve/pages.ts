import { html, raw } from 'hono/html'
import type { DatasetFacts } from '../admin/inventory/facts.ts'
import type { FileFacts } from '../admin/inventory/files.ts'

/** All that a page may do: show itself. What it shows was written by strangers. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

export const PAGE = 'text/html; charset=utf-8'

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:70rem;padding:1rem}
table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .75rem .25rem 0;text-align:start;vertical-align:top;overflow-wrap:anywhere}
td.number{text-align:end;white-space:nowrap;font-variant-numeric:tabular-nums}
tbody tr{border-top:1px solid #8884}
code{overflow-wrap:anywhere}`

/** Pages are sent as they are made: their beginning, their rows, their end. */
export function pageTop(title: string, above: readonly (readonly [name: string, href: string])[], columns: string[]) {
  const trail = above.map(([name, href]) => html`<a href="${href}">${name}</a> / `)
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${raw(STYLE)}</style></head>
<body><main><nav aria-label="Where this is">${trail}</nav><h1>${title}</h1>
<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>
`)
}

export const PAGE_END = '</tbody></table></main></body></html>\n'

export const DATASET_COLUMNS = ['Dataset', 'Newest commit', 'Aliases', 'Id']

export function datasetRow({ id, name, newest, aliases }: DatasetFacts): string {
  const day = newest === undefined ? '' : new Date(newest.committedMs).toISOString().slice(0, 10)
  return String(html`<tr><td><a href="d/${encodeURIComponent(id)}/HEAD/">${name ?? id}</a></td><td>${day}</td>
<td>${aliases.map((alias) => `~${alias}`).join(' ')}</td><td><code>${id}</code></td></tr>
`)
}

export const FILE_COLUMNS = ['Name', 'Size', 'Content']

/** What is said of where a file's content is. */
function contentOf({ kind, present, problem }: FileFacts): string {
  if (problem !== undefined) return problem
  if (kind === 'directory') return 'directory'
  if (kind === 'subdataset') return 'subdataset'
  return present === true ? 'here' : present === false ? 'not in this store' : ''
}

export function fileRow(file: FileFacts): string {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  const isDirectory = file.kind === 'directory'
  const href = `./${encodeURIComponent(name)}${isDirectory ? '/' : ''}`
  const shown = `${name}${isDirectory ? '/' : ''}`
  const linked = file.kind === 'subdataset' || file.present === false ? shown : html`<a href="${href}">${shown}</a>`
  const size = file.size === undefined ? '' : file.size.toLocaleString('en')
  return String(html`<tr><td>${linked}</td><td class="number">${size}</td><td>${contentOf(file)}</td></tr>
`)
}

/** The way down to a directory, for `pageTop`. */
export function trailTo(dataset: string, ref: string, path: string): [name: string, href: string][] {
  const top = `/d/${encodeURIComponent(dataset)}/${encodeURIComponent(ref)}/`
  const parts = path.split('/').filter((part) => part !== '')
  const below = parts.slice(0, -1).map((part, i): [string, string] => {
    const to = parts.slice(0, i + 1).map(encodeURIComponent)
    return [part, `${top}${to.join('/')}/`]
  })
  return [['Datasets', '/'], ...(parts.length === 0 ? [] : [[dataset, top] as [string, string]]), ...below]
}
