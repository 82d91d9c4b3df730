import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import type { Names } from './arguments.ts'

/**
 * How a 7-Zip program ended, and what it said: the lines of stdout without those of progress and
 * names, and stderr.
 */
export interface SevenZipResult {
  /** Exit code or the signal that ended it. */
  readonly result: number | NodeJS.Signals
  readonly lines: readonly string[]
  readonly errors: string
}

/** The number of files that `7z a` found, in `11 files, 15 bytes (1 KiB)`. */
export function filesFound(lines: readonly string[]): number | undefined {
  for (const line of lines) {
    const match = /(?:^|, )(\d+) files?, /.exec(line)
    if (match) return Number(match[1])
  }
  return undefined
}

/**
 * The names in the lists of warnings at the end, `<name> : <reason>`, split into those that were
 * missing from the start and those that could not be read later. Of files in a directory that is
 * missing, 7-Zip names only the directory. undefined when there is a warning that is about none of
 * `names`.
 */
export function filesMissed(
  lines: readonly string[],
  names: Names,
): { readonly scanned: ReadonlySet<string>; readonly read: ReadonlySet<string> } | undefined {
  const missed = { scanned: new Set<string>(), read: new Set<string>() }
  /** In each list, what is none of the names. */
  const others: [string, Set<string>][] = []
  let list: Set<string> | undefined
  for (const line of lines) {
    if (/^Scan WARNINGS for files/.test(line)) list = missed.scanned
    else if (/^WARNINGS for files/.test(line)) list = missed.read
    else if (/^-+$/.test(line)) list = undefined
    else if (list !== undefined) {
      const name = pathsIn(line).find((path) => names.has(path))
      if (name === undefined) others.push([line, list])
      else list.add(name)
    }
  }
  if (others.length === 0) return missed
  const below = namesBelow(new Set(others.flatMap(([line]) => pathsIn(line))), names)
  for (const [line, list] of others) {
    const directory = pathsIn(line).find((path) => below.has(path))
    if (directory === undefined) return undefined
    for (const each of below.get(directory) ?? []) list.add(each)
  }
  return missed
}

/** What may be the path in `<path> : <reason>`, the longest first; both may hold ` : `. */
function pathsIn(line: string): string[] {
  const paths: string[] = []
  for (let at = line.lastIndexOf(' : '); at > 0; at = line.lastIndexOf(' : ', at - 1)) paths.push(line.slice(0, at))
  return paths
}

/** The names that lie below each of some directories, at any depth. */
function namesBelow(directories: ReadonlySet<string>, names: Iterable<string>): Map<string, string[]> {
  const below = new Map<string, string[]>()
  for (const name of names) {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const directory = name.slice(0, at)
      if (!directories.has(directory)) continue
      const known = below.get(directory)
      if (known === undefined) below.set(directory, [name])
      else known.push(name)
    }
  }
  return below
}

const MAX_WORDS = 300

/** The error for a program that did not do its work, in its own words. */
export function sevenZipError(op: string, archive: string, program: string, ended: SevenZipResult): StoreError {
  const words = wordsOf(ended, archive)
  const how = typeof ended.result === 'string' ? `was ended by ${ended.result}` : `ended with exit code ${ended.result}`
  const message = `${program} ${how}${words === '' ? '' : `: ${words}`}`
  return new StoreError({ kind: kindOf(ended.result, words), op, where: archive, message })
}

function kindOf(result: number | NodeJS.Signals, words: string): StoreErrorKind {
  // First: what is no archive is told with an errno that means nothing.
  if (
    /not archive|as archive|as \[7z\] archive|CRC failed|data error|headers error|unexpected end|after the end/i.test(
      words,
    )
  ) {
    return 'corrupt'
  }
  if (/errno=(28|122)\b|no space left|quota exceeded/i.test(words)) return 'full'
  if (/errno=(1|13|30)\b|permission denied|not permitted|read-only/i.test(words)) return 'denied'
  if (/unsupported|not implemented/i.test(words)) return 'unsupported'
  if (/errno=2\b|no such file/i.test(words)) return 'missing'
  return result === 7 || result === 8 ? 'unsupported' : 'transient'
}

/** What it complained about, on one line, without the archive's path. */
function wordsOf({ lines, errors }: SevenZipResult, archive: string): string {
  const all = [...errors.split('\n'), ...lines.filter((line) => /can.?t|cannot|error/i.test(line))]
  const words = all
    .map((line) => line.replaceAll(archive, '').replace(/^(System |Command Line )?(ERRORS?|WARNINGS?): ?/i, ''))
    .map((line) => line.replace(/[\s:]+$/, '').trim())
    .filter((line) => line !== '')
  return [...new Set(words)].join('; ').slice(0, MAX_WORDS)
}
