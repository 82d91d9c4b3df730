import type { IncomingMessage } from 'node:http'
import { parser, type QualifiedAttribute, type QualifiedTag } from 'sax'
import { ConfigError } from '../../core/errors.ts'

/** A property by its name. */
export interface PropertyName {
  readonly uri: string
  readonly local: string
}

/** What a PROPFIND asks for of each resource: all that we tell, their names alone, or some. */
export type PropertiesAsked = 'all' | 'names' | readonly PropertyName[]

const DAV = 'DAV:'

/** Clients send some hundred. What they ask for is said again of each file. Bytes. */
const MAX_BYTES = 16 * 1024

/** Reads what a PROPFIND asks for; nothing asks for all. Throws ConfigError for what is none. */
export async function propertiesAsked(request: IncomingMessage): Promise<PropertiesAsked> {
  const chunks: Buffer[] = []
  let length = 0
  // What is too long is taken all the same, and not kept: who sends it hears what is wrong.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= MAX_BYTES) chunks.push(chunk)
  }
  if (length > MAX_BYTES) throw new ConfigError(`a PROPFIND has at most ${MAX_BYTES} bytes`)
  return parsePropfind(Buffer.concat(chunks).toString())
}

/** Source: RFC 4918, 14.20. What it has that we do not know is passed over (17). */
export function parsePropfind(text: string): PropertiesAsked {
  if (text === '') return 'all'
  const refuse = (why: string): never => {
    throw new ConfigError(`this is no PROPFIND: ${why}`)
  }
  const names: PropertyName[] = []
  const forms = new Set<string>()
  let depth = 0
  let isInProp = false
  const xml = parser(true, { xmlns: true })
  xml.onerror = (error) => refuse(error.message.split('\n')[0] ?? '')
  xml.ondoctype = () => refuse('it has a document type')
  xml.onattribute = ((attribute: QualifiedAttribute) => {
    // Source: Namespaces in XML 1.0, 2.2.
    if (attribute.prefix === 'xmlns' && attribute.value === '') refuse('a prefix stands for no namespace')
  }) as typeof xml.onattribute
  xml.onopentag = (tag) => {
    const { uri, local } = tag as QualifiedTag
    if (depth === 0 && (uri !== DAV || local !== 'propfind')) refuse(`it begins with <${local}>`)
    if (depth === 1 && uri === DAV && ['allprop', 'propname', 'prop'].includes(local)) forms.add(local)
    if (depth === 1) isInProp = uri === DAV && local === 'prop'
    if (depth === 2 && isInProp) names.push({ uri, local })
    depth += 1
  }
  xml.onclosetag = () => {
    depth -= 1
  }
  xml.write(text).close()
  if (forms.size !== 1) refuse('it asks for one of all properties, their names, and some')
  return forms.has('prop') ? names : forms.has('allprop') ? 'all' : 'names'
}
