import { parse } from 'yaml'
import { isStoreError } from '../../core/errors.ts'
import { parseGitConfig } from '../../core/git-config.ts'
import { decode } from '../../core/text.ts'
import type { Revision, RevisionEntry } from '../../git/revision.ts'

/** What a dataset says of itself. Strangers wrote it. */
export interface Card {
  readonly title: string | undefined
  readonly description: string | undefined
  readonly authors: readonly string[]
  readonly licence: string | undefined
  readonly doi: string | undefined
  readonly keywords: readonly string[]
  readonly readme: Readme | undefined
  readonly subdatasets: readonly { readonly path: string; readonly id: string | undefined }[]
  readonly files: FileCount
}

export interface Readme {
  readonly name: string
  readonly text: string
}

/** Files and their bytes, as their keys tell. */
export interface FileCount {
  readonly count: number
  readonly bytes: number
  /** There are more, which were not counted. */
  readonly isPart: boolean
}

type Said = Partial<Pick<Card, 'title' | 'description' | 'authors' | 'licence' | 'doi' | 'keywords'>>

/** None of these files is longer. Bytes. */
const MAX_BYTES = 256 * 1024

/** More files than this are not counted. */
const MAX_FILES = 2_000

const MAX_CHARACTERS = 2_000
const MAX_ITEMS = 100

const README = /^readme(\.(md|markdown|txt|rst|org|adoc))?$/i

/** What says something of a dataset, the first that says it counts. */
const SOURCES: readonly (readonly [path: string, read: (data: Fields) => Said])[] = [
  ['dataset_description.json', ofBids],
  ['.datalad/datacite.yml', ofDatacite],
  ['datacite.yml', ofDatacite],
  ['.datalad/datacite.json', ofDatacite],
  ['datacite.json', ofDatacite],
  ['CITATION.cff', ofCitation],
]

/** Reads what a commit says of its dataset. What cannot be read is left out. Throws StoreError. */
export async function readCard(revision: Revision): Promise<Card> {
  const said: Said[] = []
  for (const [path, read] of SOURCES) {
    const text = await textOf(revision, await revision.find(path))
    const data = text === undefined ? undefined : dataOf(text)
    if (data !== undefined) said.push(read(data))
  }
  const top = await revision.find('')
  const first = <K extends keyof Said>(name: K) => said.map((each) => each[name]).find((each) => each?.length)
  return {
    title: first('title'),
    description: first('description'),
    authors: first('authors') ?? [],
    licence: first('licence'),
    doi: first('doi'),
    keywords: first('keywords') ?? [],
    readme: top && (await readReadme(revision, top)),
    subdatasets: await subdatasetsOf(revision),
    files: await countFiles(revision),
  }
}

/** The README in a directory. Throws StoreError. */
export async function readReadme(revision: Revision, directory: RevisionEntry): Promise<Readme | undefined> {
  for await (const entry of revision.list(directory, false)) {
    if (!README.test(entry.name)) continue
    const text = await textOf(revision, entry)
    if (text !== undefined) return { name: entry.name, text }
  }
  return undefined
}

/** Undefined for what is no file that git has, or is too long: an annexed one has no text here. */
export async function textOf(revision: Revision, entry: RevisionEntry | undefined): Promise<string | undefined> {
  if (entry?.kind !== 'file' && entry?.kind !== 'executable') return undefined
  if ((await revision.sizeOf(entry)) > MAX_BYTES) return undefined
  const text = decode(await revision.read(entry))
  return text.startsWith('/annex/objects/') ? undefined : text
}

/** By the names of keys, which say how long they are. */
async function countFiles(revision: Revision): Promise<FileCount> {
  const top = await revision.find('')
  let [count, bytes] = [0, 0]
  for await (const entry of top === undefined ? [] : revision.list(top, true)) {
    if (entry.kind === 'subdataset') continue
    if (count === MAX_FILES) return { count, bytes, isPart: true }
    count += 1
    bytes += entry.kind === 'link' ? sizeOfLink((await revision.read(entry)).toString()) : await revision.sizeOf(entry)
  }
  return { count, bytes, isPart: false }
}

function sizeOfLink(target: string): number {
  return Number(/\/[A-Z0-9_]+(?:-[mS]\d+)*-s(\d+)[^/]*$/.exec(target)?.[1] ?? 0)
}

async function subdatasetsOf(revision: Revision): Promise<Card['subdatasets']> {
  const text = await textOf(revision, await revision.find('.gitmodules'))
  if (text === undefined) return []
  try {
    const config = await parseGitConfig(Buffer.from(text), '.gitmodules')
    return [...config.keys()].flatMap((key) => {
      const [, name] = /^submodule\.(.*)\.path$/s.exec(key) ?? []
      const path = name === undefined ? undefined : config.get(key)
      return path === undefined ? [] : [{ path, id: config.get(`submodule.${name}.datalad-id`) }]
    })
  } catch (error) {
    if (isStoreError(error, 'unreachable', 'aborted')) throw error
    return []
  }
}

/** An object of JSON or YAML that strangers wrote. */
class Fields {
  readonly #data: Readonly<Record<string, unknown>>

  constructor(data: Readonly<Record<string, unknown>>) {
    this.#data = data
  }

  text(...names: string[]): string | undefined {
    for (const name of names) {
      const value = Object.hasOwn(this.#data, name) ? this.#data[name] : undefined
      const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
      if (text.trim() !== '') return text.trim().slice(0, MAX_CHARACTERS)
    }
    return undefined
  }

  /** What is in a list, each item made to text; what is no text is left out. */
  list(name: string, textOf: (item: Fields) => string | undefined = () => undefined): readonly string[] | undefined {
    const value = Object.hasOwn(this.#data, name) ? this.#data[name] : undefined
    const items: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
    const texts = items.slice(0, MAX_ITEMS).map((item) => {
      if (typeof item === 'string') return item.slice(0, MAX_CHARACTERS)
      return isObject(item) ? textOf(new Fields(item)) : undefined
    })
    const found = texts.filter((text) => text !== undefined && text !== '') as string[]
    return found.length === 0 ? undefined : found
  }

  inner(name: string): Fields | undefined {
    const value = Object.hasOwn(this.#data, name) ? this.#data[name] : undefined
    const first = Array.isArray(value) ? value[0] : value
    return isObject(first) ? new Fields(first) : undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON is YAML, too. */
function dataOf(text: string): Fields | undefined {
  try {
    const data: unknown = parse(text, { logLevel: 'silent', maxAliasCount: 20 })
    return isObject(data) ? new Fields(data) : undefined
  } catch {
    return undefined // it is none of those
  }
}

/** Source: the BIDS specification, dataset_description.json. */
function ofBids(data: Fields): Said {
  const doi = data.text('DatasetDOI')
  return said({ title: data.text('Name'), licence: data.text('License'), doi, authors: data.list('Authors') })
}

/** Source: DataCite's metadata schema, and GIN's datacite.yml. */
function ofDatacite(data: Fields): Said {
  const name = (each: Fields) =>
    each.text('creatorName', 'name') ??
    [each.text('firstname', 'givenName'), each.text('lastname', 'familyName')].filter(Boolean).join(' ')
  return said({
    title: data.text('title') ?? data.inner('titles')?.text('title'),
    description: data.text('description') ?? data.inner('descriptions')?.text('description'),
    authors: data.list('authors', name) ?? data.list('creators', name),
    licence: data.inner('license')?.text('name') ?? data.inner('rightsList')?.text('rights') ?? data.text('license'),
    doi: data.text('doi') ?? data.inner('identifier')?.text('identifier'),
    keywords: data.list('keywords') ?? data.list('subjects', (each) => each.text('subject')),
  })
}

/** Source: the Citation File Format, 1.2.0. */
function ofCitation(data: Fields): Said {
  const name = (each: Fields) =>
    each.text('name') ?? [each.text('given-names'), each.text('family-names')].filter(Boolean).join(' ')
  return said({
    title: data.text('title'),
    description: data.text('abstract'),
    authors: data.list('authors', name),
    licence: data.text('license'),
    doi: data.text('doi'),
    keywords: data.list('keywords'),
  })
}

function said(fields: { readonly [K in keyof Said]: Said[K] | undefined }): Said {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said
}
