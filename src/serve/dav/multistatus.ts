import { escapePart } from '../url-part.ts'
import type { PropertiesAsked, PropertyName } from './properties-asked.ts'

/** A file or a collection, as PROPFIND tells of it. */
export interface Member {
  /** Below the address that was asked for; empty for what is there itself. */
  readonly name: string
  /** What it is called, where that is another. */
  readonly label?: string | undefined
  /** The media type of a file; collections have none. */
  readonly type: string | undefined
  /** In bytes; undefined where nobody knows, and for collections. */
  readonly size?: number | undefined
  /** Changes when the content does. */
  readonly tag?: string | undefined
  readonly modifiedMs?: number | undefined
}

/** An answer about many begins so. Source: RFC 4918, 13. */
export const BEGINNING = '<?xml version="1.0" encoding="utf-8"?>\n<multistatus xmlns="DAV:">\n'
export const END = '</multistatus>\n'

/** What is told of a member, of what was asked for. `above`: the address, escaped. */
export function response(above: string, member: Member, asked: PropertiesAsked): string {
  const { name, type } = member
  const base = name === '' || above.endsWith('/') ? above : `${above}/`
  const href = `${base}${escapePart(name)}`
  const end = type === undefined && !href.endsWith('/') ? '/' : ''
  return `<response><href>${escaped(href)}${end}</href>${propstats(member, asked)}</response>\n`
}

function propstats(member: Member, asked: PropertiesAsked): string {
  const all = propertiesOf(member)
  if (asked === 'all') return propstat([...all.values()], '200 OK')
  if (asked === 'names')
    return propstat(
      [...all.keys()].map((name) => `<${name}/>`),
      '200 OK',
    )
  const known = ({ uri, local }: PropertyName) => (uri === 'DAV:' ? all.get(local) : undefined)
  const found = asked.flatMap((name) => known(name) ?? [])
  const absent = asked.filter((name) => known(name) === undefined)
  return (
    (found.length > 0 || absent.length === 0 ? propstat(found, '200 OK') : '') +
    (absent.length > 0
      ? propstat(
          absent.map(({ uri, local }) => `<${local} xmlns="${escaped(uri)}"/>`),
          '404 Not Found',
        )
      : '')
  )
}

function propstat(properties: readonly string[], status: string): string {
  return `<propstat><prop>${properties.join('')}</prop><status>HTTP/1.1 ${status}</status></propstat>`
}

/** Elements by their names. Source: RFC 4918, 15. */
function propertiesOf({ name, label = name, type, size, tag, modifiedMs }: Member): ReadonlyMap<string, string> {
  const texts = {
    displayname: label === '' ? undefined : label,
    getcontenttype: type,
    getcontentlength: size,
    getetag: tag === undefined ? undefined : `"${escapePart(tag)}"`,
    getlastmodified: modifiedMs === undefined ? undefined : new Date(modifiedMs).toUTCString(),
  }
  const elements = new Map([
    ['resourcetype', `<resourcetype>${type === undefined ? '<collection/>' : ''}</resourcetype>`],
  ])
  for (const [local, text] of Object.entries(texts)) {
    if (text !== undefined) elements.set(local, `<${local}>${escaped(String(text))}</${local}>`)
  }
  return elements
}

/** Characters that XML has no place for are those of names that nobody could mount. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  const clean = text.replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
  return clean.replace(/[&<>"]/g, (found) => entities[found] ?? '')
}
