import type { CatalogueEntry } from '../pages/card-page.ts'
import type { PageSums } from './shelf.ts'

/** In the directory of each dataset of a catalogue: what its pages were made of. */
export const RECORD_FILE = 'pages.json'

/** At the top of a catalogue: says that it is one. */
export const MARK_FILE = 'catalogue.json'

const FORMAT = 1

/** What is known of the pages of a dataset. */
export interface DatasetRecord {
  /** A checksum of all that they were made of; empty while they are made. */
  readonly made: string
  /** When the first link in them ends. ms since 1970. */
  readonly untilMs?: number | undefined
  /** How long the links worked when they were made. ms. */
  readonly lifeMs?: number | undefined
  /** The subdatasets that were in the catalogue then, by their ids. */
  readonly linked: readonly string[]
  /** Without the README. */
  readonly entry: CatalogueEntry | undefined
  /** How its README begins: it is searched, too. */
  readonly words: string
  readonly pages: PageSums
}

export function formatRecord(record: DatasetRecord): string {
  return `${JSON.stringify({ format: FORMAT, ...record })}\n`
}

/** Undefined for what is none, or one of another format: then all is made again. */
export function parseRecord(text: string | undefined): DatasetRecord | undefined {
  const parsed = parseObject(text)
  const { made, linked, entry, words, pages } = parsed ?? {}
  const isRecord =
    parsed?.format === FORMAT && typeof made === 'string' && typeof words === 'string' && Array.isArray(linked)
  if (!isRecord || !isSums(pages) || (entry !== undefined && !isEntry(entry))) return undefined
  return parsed as unknown as DatasetRecord
}

export function formatMark(pages: PageSums): string {
  return `${JSON.stringify({ format: FORMAT, pages })}\n`
}

/** The pages at the top of a catalogue; undefined: it is none of ours. */
export function parseMark(text: string | undefined): PageSums | undefined {
  const parsed = parseObject(text)
  return typeof parsed?.format === 'number' && isSums(parsed.pages) ? parsed.pages : undefined
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = text === undefined ? undefined : JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSums(value: unknown): value is PageSums {
  return isObject(value) && Object.values(value).every((sum) => typeof sum === 'string')
}

function isEntry(value: unknown): boolean {
  return isObject(value) && typeof value.id === 'string' && Array.isArray(value.aliases)
}
