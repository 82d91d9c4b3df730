import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { FileFacts } from '../../admin/inventory/files.ts'
import { isPicture } from './preview-kinds.ts'

/** Markup that was made by `html`, and holds nothing of strangers unescaped. */
export type Html = ReturnType<typeof html>

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:70rem;padding:1rem}
a:focus-visible,input:focus-visible,button:focus-visible{outline:3px solid;outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
h1,h2,h3,h4,h5,h6,p,li,dd,td,th,code{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .75rem .25rem 0;text-align:start;vertical-align:top}
th,td.state{overflow-wrap:break-word}td.number{text-align:end;white-space:nowrap;font-variant-numeric:tabular-nums}
tbody tr{border-top:1px solid #8884}
nav a,td a,li a,footer a{display:inline-block;padding:.15rem 0}
.datasets{list-style:none;padding:0}.datasets li{border-top:1px solid #8884;padding:.5rem 0}
.datasets h2{font-size:1.1rem;margin:0}.datasets p{margin:.25rem 0}
pre{overflow-x:auto;padding:.5rem;border:1px solid #8884;white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:bold}dd{margin:0}
img{max-width:100%;height:auto}.thumb{width:3rem;height:3rem;object-fit:cover;vertical-align:middle}
.readme{border-top:1px solid #8884;margin-top:1rem}.preview{overflow-x:auto}
[hidden]{display:none!important}
input,button{font:inherit;padding:.4rem}form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}
@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}`

/**
 * All that a page may do: show itself and pictures of datasets, and what `more` says besides. What
 * it shows was written by strangers.
 */
export function pagePolicy(more: string): string {
  const style = createHash('sha256').update(STYLE).digest('base64')
  return `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; ${more}`
}

export const PAGE = 'text/html; charset=utf-8'

/** Names and addresses of what is above a page. */
export type Trail = readonly (readonly [name: string, href: string])[]

/**
 * The beginning of a page, up to what it is about. Pages are sent as they are made. `head`: what a
 * page says of itself that comes without headers.
 */
export function pageTop(title: string, above: Trail, intro: Html | string = '', head: Html | string = ''): string {
  const trail = above.map(([name, href]) => html`<a href="${href}">${name}</a> / `)
  return String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${head}<title>${title}</title><style>${raw(STYLE)}</style></head>
<body><a class="skip" href="#content">Skip to content</a>
${above.length === 0 ? '' : html`<nav aria-label="Where this is">${trail}</nav>`}
<main id="content"><h1>${title}</h1>${intro}
`)
}

export const PAGE_END = '</main></body></html>\n'

/** The beginning of a table, to which rows are added. */
export function tableTop(columns: readonly string[]): string {
  return String(html`<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
`)
}

export const TABLE_END = '</tbody></table>\n'

export const FILE_COLUMNS = ['Name', 'Size', 'Content']

/** Pictures up to this are shown in lists. Bytes. */
const MAX_THUMBNAIL_BYTES = 256 * 1024

/** Where a row of a file leads. */
export interface FileLinks {
  /** The file itself, or the page of a directory; undefined: nobody can get it here. */
  readonly href: string | undefined
  /** A page that shows it. */
  readonly view?: string | undefined
  /** The name under which a browser keeps what `href` gives, which has another of its own. */
  readonly download?: string | undefined
  /** Where the content is, if there is more to say than whether the store has it. */
  readonly state?: string | undefined
}

/** What is said of where a file's content is. */
function contentOf({ kind, present, problem }: FileFacts): string {
  if (problem !== undefined) return problem
  if (kind === 'directory') return 'directory'
  if (kind === 'subdataset') return 'subdataset'
  return present === true ? 'here' : present === false ? 'not in this store' : ''
}

/** The last part of a path. */
export function nameOfPath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function fileRow(file: FileFacts, { href, view, download, state = contentOf(file) }: FileLinks): string {
  const name = nameOfPath(file.path)
  const isFile = file.kind !== 'directory' && file.kind !== 'subdataset'
  const shown = file.kind === 'directory' ? `${name}/` : name
  const named = download === undefined ? '' : html` download="${download}"`
  const linked = href === undefined ? shown : html`<a href="${href}"${named}>${shown}</a>`
  const isSmall = isFile && isPicture(name) && (file.size ?? Infinity) <= MAX_THUMBNAIL_BYTES
  const thumbnail = isSmall && href ? html`<img class="thumb" src="${href}" alt="" loading="lazy"> ` : ''
  const viewed = view === undefined ? '' : html` <a href="${view}" aria-label="View ${name}">view</a>`
  const size = file.size === undefined ? '' : file.size.toLocaleString('en')
  return String(html`<tr><td>${thumbnail}${linked}</td><td class="number">${size}</td>
<td class="${file.problem === undefined ? 'state' : ''}">${state}${viewed}</td></tr>
`)
}

/** A number of bytes for people. */
export function sizeInWords(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${step === 0 ? bytes : (bytes / 1024 ** step).toFixed(1)} ${units[step]}`
}

export function dayOf(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10)
}
