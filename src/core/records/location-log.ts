import { dirHash } from '../dirhash.ts'
import { keyFileName } from '../key.ts'

/**
 * Where the git-annex branch has the location log of a key (git-annex: internals, "aaa/bbb/*.log").
 */
export function logPath(key: string): string {
  return `${dirHash(key).lower}/${keyFileName(key)}.log`
}

interface Line {
  /** Whole seconds since 1970. */
  readonly seconds: number
  /** The digits after the point, nine of them. */
  readonly fraction: string
  /** `1` present, `0` not present, `X` dead. */
  readonly status: string
  readonly uuid: string
}

const LINE = /^(\d{1,15})(?:\.(\d+))?s ([01X]) (\S+)\s*$/

function parseLine(text: string): Line | undefined {
  const [, seconds, fraction = '', status, uuid] = LINE.exec(text) ?? []
  if (seconds === undefined || status === undefined || uuid === undefined) return undefined
  return { seconds: Number(seconds), fraction: fraction.slice(0, 9).padEnd(9, '0'), status, uuid }
}

function isNewer(a: Line, b: Line): boolean {
  return a.seconds === b.seconds ? a.fraction > b.fraction : a.seconds > b.seconds
}

/** The repositories that have a key by its location log: of each the newest line counts. */
export function repositoriesIn(log: string): Set<string> {
  const newest = new Map<string, Line>()
  for (const text of log.split('\n')) {
    const line = parseLine(text)
    if (line === undefined) continue
    const other = newest.get(line.uuid)
    if (other === undefined || isNewer(line, other)) newest.set(line.uuid, line)
  }
  const present = new Set<string>()
  for (const { uuid, status } of newest.values()) if (status === '1') present.add(uuid)
  return present
}

/**
 * Whether a repository lost a key by its location log, and not before a moment (ms since 1970).
 */
export function isLostSince(log: string, uuid: string, sinceMs: number): boolean {
  let newest: Line | undefined
  for (const text of log.split('\n')) {
    const line = parseLine(text)
    if (line?.uuid === uuid && (newest === undefined || isNewer(line, newest))) newest = line
  }
  if (newest === undefined || newest.status === '1') return false
  return newest.seconds * 1000 + Number(newest.fraction) / 1e6 >= sinceMs
}

/**
 * A location log after `uuid` got the key. What the log says of other repositories, and what is not
 * understood, stays byte for byte. The new line of `uuid` is newer than all that were there,
 * whatever the clocks say, so it counts.
 *
 * The newest of its old lines stays, until git-annex writes the log next. git-annex takes a log as
 * it is when all lines of its own are in it; else it puts each together and writes it anew, which
 * took longer than all else for 2,000 keys.
 *
 * @param log the log as it is, decoded as latin1; empty for none
 * @param nowMs ms since 1970
 */
export function withPresent(log: string, uuid: string, nowMs: number): string {
  const kept: string[] = []
  let before: { readonly text: string; readonly line: Line } | undefined
  for (const text of log.split('\n')) {
    if (text === '') continue
    const line = parseLine(text)
    if (line?.uuid !== uuid) kept.push(text)
    else if (before === undefined || isNewer(line, before.line)) before = { text, line }
  }
  if (before !== undefined) kept.push(before.text)
  kept.push(`${timeAfter(before?.line, nowMs)}s 1 ${uuid}`)
  return `${kept.join('\n')}\n`
}

/** Now, or a second after a line that a clock ahead of ours has written. */
function timeAfter(line: Line | undefined, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  const fraction = String(Math.floor(nowMs % 1000)).padStart(3, '0')
  if (line === undefined || isNewer({ ...line, seconds, fraction: fraction.padEnd(9, '0') }, line))
    return `${seconds}.${fraction}`
  return `${line.seconds + 1}.${line.fraction}`
}
