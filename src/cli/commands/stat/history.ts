import { open } from 'node:fs/promises'
import { ConfigError, codeOf, messageOf } from '../../../core/errors.ts'
import { jsonObject } from '../../../core/json-object.ts'
import type { Counted, Numbers } from './counted.ts'

/** What a dataset had in a run, as a line of the history says it. */
type Row = Readonly<Record<(typeof FIELDS)[number], number>>

/** The store in a run. */
export interface Point {
  /** ms since 1970. */
  readonly timeMs: number
  readonly datasets: number
  /** Of all files, in bytes. */
  readonly fileBytes: number
  /** The same of the datasets that were asked about, by id. */
  readonly of: ReadonlyMap<string, number>
}

/** What changed since a former run. */
export interface Growth {
  /** When that was. ms since 1970. */
  readonly sinceMs: number
  /** Until then. ms. */
  readonly spanMs: number
  /** By how much datasets grew, in bytes; all of it where they were not there. */
  readonly bytes: ReadonlyMap<string, number>
  /** Those that were not there. */
  readonly added: ReadonlySet<string>
  /** By how much all grew together, in bytes. */
  readonly total: number
}

export interface History {
  readonly growth: Growth | undefined
  /** All runs, in order, with this one. */
  readonly points: readonly Point[]
}

export interface HistoryOptions {
  /** Compare with the last run that was at least so long ago, else with the first. ms. */
  readonly agoMs: number
  /** The datasets that were counted, where not all of the store were: `3/8`, or ids. */
  readonly only: string | undefined
  /** Datasets, by id, of which each run is wanted. */
  readonly about: readonly string[]
}

const FIELDS = ['keys', 'bytes', 'files', 'fileBytes'] as const

/**
 * Adds what was counted to a history, unless it is in there, and tells what changed since. In the
 * file a run has a line for each dataset that is not as it was in the run before, and at last one
 * of type `summary`: without it, the run does not count. Throws ConfigError when the file cannot be
 * read or written.
 */
export async function addToHistory(file: string, numbers: Numbers, options: HistoryOptions): Promise<History> {
  try {
    const past = new Past(numbers, options)
    await past.read(file)
    const lines = past.newLines()
    if (lines.length > 0) await append(file, lines)
    return { growth: past.growth(), points: past.points }
  } catch (error) {
    throw new ConfigError(`--history ${file}: ${messageOf(error)}`)
  }
}

/** The runs of one store that are in a history. */
class Past {
  readonly points: Point[] = []
  readonly #numbers: Numbers
  readonly #options: HistoryOptions
  /** Each dataset, as the last run had it. */
  readonly #state = new Map<string, Row>()
  #first: ReadonlyMap<string, Row> | undefined
  #base: { readonly rows: ReadonlyMap<string, Row>; readonly timeMs: number } | undefined
  #isKnown = false

  constructor(numbers: Numbers, options: HistoryOptions) {
    this.#numbers = numbers
    this.#options = options
  }

  async read(file: string): Promise<void> {
    const { store, countedMs } = this.#numbers
    const pending = new Map<string, Map<string, Row | undefined>>()
    for await (const line of linesOf(file)) {
      const found = jsonObject(line)
      if (found?.store !== store || found.only !== this.#options.only || typeof found.time !== 'string') continue
      const rows = pending.get(found.time) ?? new Map<string, Row | undefined>()
      if (found.type === 'summary') {
        pending.delete(found.time)
        this.#endRun(Date.parse(found.time), rows)
      } else if (typeof found.dataset === 'string') {
        pending.set(found.time, rows.set(found.dataset, found.gone === true ? undefined : rowOf(found)))
      }
    }
    this.#isKnown = this.points.some(({ timeMs }) => timeMs === countedMs)
    if (!this.#isKnown) this.#base ??= this.#lastRun()
  }

  /** What has to be added to the file. */
  newLines(): string[] {
    if (this.#isKnown) return []
    const { store, countedMs, counted, sum } = this.#numbers
    const head = { store, time: new Date(countedMs).toISOString(), only: this.#options.only }
    const lines: string[] = []
    const add = (object: object) => lines.push(`${JSON.stringify({ ...object, ...head })}\n`)
    const here = new Set<string>()
    for (const each of counted) {
      here.add(each.dataset)
      const row = rowFrom(each)
      const before = this.#state.get(each.dataset)
      if (before !== undefined && FIELDS.every((field) => before[field] === row[field])) continue
      add({ type: 'dataset', dataset: each.dataset, ...row })
      this.#state.set(each.dataset, row)
    }
    for (const dataset of [...this.#state.keys()].filter((id) => !here.has(id))) {
      add({ type: 'dataset', dataset, gone: true })
      this.#state.delete(dataset)
    }
    const { keys, bytes, files, fileBytes } = sum
    add({ type: 'summary', datasets: counted.length, keys, bytes, files, fileBytes })
    this.#addPoint(countedMs)
    return lines
  }

  growth(): Growth | undefined {
    if (this.#base === undefined) return undefined
    const { rows, timeMs } = this.#base
    const { counted, countedMs, sum } = this.#numbers
    const grown = counted.map(
      ({ dataset, fileBytes }) => [dataset, fileBytes - (rows.get(dataset)?.fileBytes ?? 0)] as const,
    )
    const before = [...rows.values()].reduce((total, row) => total + row.fileBytes, 0)
    return {
      sinceMs: timeMs,
      spanMs: countedMs - timeMs,
      bytes: new Map(grown),
      added: new Set(counted.map(({ dataset }) => dataset).filter((dataset) => !rows.has(dataset))),
      total: sum.fileBytes - before,
    }
  }

  #endRun(timeMs: number, rows: ReadonlyMap<string, Row | undefined>): void {
    const { countedMs } = this.#numbers
    // Of the runs that are old enough the last one is the one that is compared with.
    const isLate = timeMs > countedMs - this.#options.agoMs || timeMs >= countedMs
    if (isLate) this.#base ??= this.#lastRun()
    for (const [dataset, row] of rows) {
      if (row === undefined) this.#state.delete(dataset)
      else this.#state.set(dataset, row)
    }
    this.#addPoint(timeMs)
    this.#first ??= new Map(this.#state)
    if (isLate && timeMs < countedMs && this.#base === undefined) this.#base = { rows: this.#first, timeMs }
  }

  #lastRun() {
    const last = this.points.at(-1)
    return last && { rows: new Map(this.#state), timeMs: last.timeMs }
  }

  #addPoint(timeMs: number): void {
    const sizes = [...this.#state.values()].map((row) => row.fileBytes)
    const of = this.#options.about.map((id) => [id, this.#state.get(id)?.fileBytes ?? 0] as const)
    const fileBytes = sizes.reduce((total, size) => total + size, 0)
    this.points.push({ timeMs, datasets: sizes.length, fileBytes, of: new Map(of) })
  }
}

function rowFrom({ loose, archived, looseBytes, archivedBytes, files, fileBytes }: Counted): Row {
  return { keys: loose + archived, bytes: looseBytes + archivedBytes, files, fileBytes }
}

function rowOf(found: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(FIELDS.map((field) => [field, Number(found[field]) || 0])) as Record<keyof Row, number>
}

async function* linesOf(file: string): AsyncGenerator<string, void, void> {
  const handle = await open(file).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
    return undefined
  })
  if (handle === undefined) return
  try {
    yield* handle.readLines()
  } finally {
    await handle.close()
  }
}

/** It begins with the end of a line that a killed run may have left half. */
async function append(file: string, lines: readonly string[]): Promise<void> {
  const handle = await open(file, 'a')
  try {
    if ((await handle.stat()).size > 0) await handle.appendFile('\n')
    for (let at = 0; at < lines.length; at += 1000) await handle.appendFile(lines.slice(at, at + 1000).join(''))
  } finally {
    await handle.close()
  }
}
