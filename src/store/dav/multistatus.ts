import { parser, type QualifiedTag, type SAXParser } from 'sax'

/** What a server tells of one file or directory. */
export interface Resource {
  /** As the server wrote it. */
  readonly href: string
  readonly isCollection: boolean
  readonly contentLength: string | undefined
  readonly lastModified: string | undefined
  readonly etag: string | undefined
  readonly availableBytes: string | undefined
  /** Of the resource as a whole, where the server says one. */
  readonly status: number | undefined
}

const DAV = 'DAV:'

/** More is no answer about files. Bytes of one text, elements within each other. */
const MAX_TEXT = 64 * 1024
const MAX_DEPTH = 32

/** What is asked for of each (RFC 4918, section 15; RFC 4331). */
export const PROPERTIES = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/>\
<quota-available-bytes/></prop></propfind>`

const WANTED = new Set(['getcontentlength', 'getlastmodified', 'getetag', 'quota-available-bytes'])

interface Group {
  status: number | undefined
  isCollection: boolean
  readonly texts: Map<string, string>
}

/**
 * Reads a multistatus (RFC 4918, section 13) as it comes. Throws Error for what is no such thing:
 * other XML, none at all, or one that does not end. Entities that a document defines are refused,
 * for none of ours has any.
 */
export class Multistatus {
  readonly #parser: SAXParser = parser(true, { xmlns: true })
  readonly #resources: Resource[] = []
  readonly #open: string[] = []
  #failure: Error | undefined
  #hasBegun = false
  #text = ''
  #href: string | undefined
  #status: number | undefined
  #found = emptyGroup()
  #group = emptyGroup()

  constructor() {
    this.#parser.onerror = (error) => this.#fail(error.message.split('\n')[0] ?? '')
    this.#parser.ondoctype = () => this.#fail('it has a document type')
    this.#parser.onopentag = (tag) => this.#begin(tag as QualifiedTag)
    this.#parser.onclosetag = () => this.#end()
    this.#parser.ontext = (text) => this.#add(text)
    this.#parser.oncdata = (text) => this.#add(text)
  }

  /** Takes a part of the text, and returns the resources whose description ended in it. */
  write(text: string): Resource[] {
    if (this.#failure === undefined) this.#parser.write(text)
    if (this.#failure !== undefined) throw this.#failure
    return this.#resources.splice(0)
  }

  /** To be called after the last part. */
  close(): void {
    if (!this.#hasBegun) this.#fail('it is empty')
    this.#parser.close()
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message)
  }

  #begin({ uri, local }: QualifiedTag): void {
    if (this.#open.length === 0 && (uri !== DAV || local !== 'multistatus')) this.#fail(`it begins with <${local}>`)
    if (this.#open.length >= MAX_DEPTH) this.#fail('its elements are nested too deeply')
    this.#hasBegun = true
    this.#open.push(uri === DAV ? local : '')
    this.#text = ''
    const path = this.#open.slice(1).join('/')
    if (path === 'response') {
      this.#href = undefined
      this.#status = undefined
      this.#found = emptyGroup()
    }
    if (path === 'response/propstat') this.#group = emptyGroup()
    if (path === 'response/propstat/prop/resourcetype/collection') this.#group.isCollection = true
  }

  #end(): void {
    const path = this.#open.slice(1).join('/')
    const name = this.#open.pop() ?? ''
    const text = this.#text.trim()
    this.#text = ''
    if (path === 'response/href') this.#href = text
    else if (path === 'response/status') this.#status = statusOf(text)
    else if (path === 'response/propstat/status') this.#group.status = statusOf(text)
    else if (path === `response/propstat/prop/${name}` && WANTED.has(name) && text !== '')
      this.#group.texts.set(name, text)
    else if (path === 'response/propstat') this.#keep()
    else if (path === 'response') this.#finish()
  }

  #add(text: string): void {
    if (this.#text.length + text.length > MAX_TEXT) this.#fail('it has a text that is too long')
    if (this.#failure !== undefined) return
    this.#text += text
  }

  /** Properties that a resource has not come in a group of another status. */
  #keep(): void {
    const { status = 0, isCollection, texts } = this.#group
    if (status < 200 || status > 299) return
    this.#found.isCollection ||= isCollection
    this.#found.status = status
    for (const [name, text] of texts) this.#found.texts.set(name, text)
  }

  #finish(): void {
    const href = this.#href ?? ''
    if (href === '') this.#fail('it describes something without a name')
    const { texts, isCollection } = this.#found
    this.#resources.push({
      href,
      isCollection,
      contentLength: texts.get('getcontentlength'),
      lastModified: texts.get('getlastmodified'),
      etag: texts.get('getetag'),
      availableBytes: texts.get('quota-available-bytes'),
      status: this.#status ?? this.#found.status,
    })
  }
}

function emptyGroup(): Group {
  return { status: undefined, isCollection: false, texts: new Map() }
}

/** From `HTTP/1.1 200 OK`. */
function statusOf(text: string): number | undefined {
  const [, status] = /^HTTP\/[\d.]+ (\d{3})\b/i.exec(text) ?? []
  return status === undefined ? undefined : Number(status)
}
