import { appendFile, readFile } from 'node:fs/promises'
import { ConfigError, codeOf, messageOf } from '../../../core/errors.ts'
import type { Counted } from './counted.ts'

/** What changed since a former run. */
export interface Growth {
  /** When that was, in ISO 8601. */
  readonly since: string
  /** By how much datasets grew that were there then, in bytes. */
  readonly bytes: ReadonlyMap<string, number>
}

/**
 * Adds a line to a history, and compares with the last one of the same store. Undefined when there
 * is none. Throws ConfigError when the file cannot be read or written.
 */
export async function addToHistory(
  file: string,
  store: string,
  counted: readonly Counted[],
): Promise<Growth | undefined> {
  try {
    const before = lastOf(await readFile(file, 'utf8').catch(emptyIfAbsent), store)
    const datasets = Object.fromEntries(counted.map(({ dataset, fileBytes }) => [dataset, fileBytes]))
    await appendFile(file, `${JSON.stringify({ store, time: new Date().toISOString(), datasets })}\n`)
    if (before === undefined) return undefined
    const grown = counted.flatMap(({ dataset, fileBytes }) => {
      const then = before.datasets[dataset]
      return then === undefined ? [] : [[dataset, fileBytes - then] as const]
    })
    return { since: before.time, bytes: new Map(grown) }
  } catch (error) {
    throw new ConfigError(`--history ${file}: ${messageOf(error)}`)
  }
}

function emptyIfAbsent(error: unknown): string {
  if (codeOf(error) !== 'ENOENT') throw error
  return ''
}

interface Line {
  readonly time: string
  readonly datasets: Readonly<Record<string, number>>
}

function lastOf(text: string, store: string): Line | undefined {
  for (const line of text.split('\n').reverse()) {
    try {
      const found = JSON.parse(line)
      if (found.store === store && typeof found.time === 'string' && typeof found.datasets === 'object') return found
    } catch {} // a line that was cut off
  }
  return undefined
}
