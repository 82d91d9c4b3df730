import type { Readable } from 'node:stream'
import { StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import { logPath } from '../../core/records/location-log.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { decode, encode } from '../../core/text.ts'
import { keyOfFileName } from '../../ria/layout/places.ts'
import type { Clone } from '../clone/clone.ts'
import { feed, splitAt, startProgram } from '../clone/programs.ts'

/** The branch that git-annex keeps its records in. */
export const ANNEX_BRANCH = 'refs/heads/git-annex'

/** The commit that the git-annex branch is at. Throws StoreError when there is none. */
export async function branchCommit({ gitDirectory }: Clone): Promise<string> {
  const { code, stdout } = await run('git', ['rev-parse', '--verify', '--quiet', `${ANNEX_BRANCH}^{commit}`], {
    cwd: gitDirectory,
  })
  const commit = stdout.toString().trim()
  if (code === 0 && commit !== '') return commit
  const message = 'there is no git-annex branch: run git annex init'
  throw new StoreError({ kind: 'unsupported', op: 'rev-parse', where: gitDirectory, message })
}

/** The location log of a key, as it is in a commit of the git-annex branch. */
export interface KeyLog {
  /** The key's number in the table. */
  readonly number: number
  /** Decoded as latin1; empty where the branch has none. */
  readonly text: string
}

/**
 * Of fewer keys the logs are asked for by their paths; of more, the whole branch is listed once.
 */
export const ASK_BY_PATH_KEYS = 2000

/**
 * Reads the location logs of keys from a commit, some at a time, in any order; each key comes once.
 * `numbers` are those of the table. `lines`: all paths of the commit, when it was listed before.
 * Throws StoreError.
 */
export async function* readLogs(
  clone: Clone,
  commit: string,
  table: KeyTable,
  numbers: Iterable<number>,
  {
    lines,
    signal,
  }: { readonly lines?: AsyncIterable<Buffer> | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<KeyLog[], void, void> {
  const wanted = new Uint8Array(table.size)
  let count = 0
  for (const number of numbers) {
    wanted[number] = 1
    count += 1
  }
  const cat = startProgram('git', ['cat-file', '--batch', '--buffer'], {
    cwd: clone.gitDirectory,
    stdin: 'pipe',
    signal,
  })
  const asked = new NumberQueue()
  const few = count <= ASK_BY_PATH_KEYS && lines === undefined
  const questions = few
    ? byPath(commit, table, wanted)
    : byListing(lines ?? listed(clone, commit, signal), table, wanted)
  const feeding = feed(cat.stdin, inLines(questions, asked))
  feeding.catch(() => cat.stdin.destroy()) // awaited below
  for await (const texts of answersOf(cat.stdout)) {
    yield texts.map((text) => {
      const number = asked.take()
      wanted[number] = 0
      return { number, text }
    })
  }
  await feeding
  await cat.ended
  const without: KeyLog[] = []
  for (let number = 0; number < wanted.length; number++) if (wanted[number] === 1) without.push({ number, text: '' })
  if (without.length > 0) yield without
}

/** An object that cat-file is asked for, and the key that it is the log of. */
interface Question {
  readonly number: number
  readonly object: Buffer
}

/** Lines are written so many at a time: a write each costs more than the line. */
const LINES_AT_ONCE = 256

const NEWLINE = Buffer.from('\n')

async function* inLines(questions: AsyncIterable<Question>, asked: NumberQueue): AsyncGenerator<Buffer, void, void> {
  let lines: Buffer[] = []
  for await (const { number, object } of questions) {
    asked.put(number)
    lines.push(object, NEWLINE)
    if (lines.length < 2 * LINES_AT_ONCE) continue
    yield Buffer.concat(lines)
    lines = []
  }
  if (lines.length > 0) yield Buffer.concat(lines)
}

async function* byPath(commit: string, table: KeyTable, wanted: Uint8Array): AsyncGenerator<Question, void, void> {
  for (let number = 0; number < wanted.length; number++) {
    if (wanted[number] === 1) yield { number, object: encode(`${commit}:${logPath(table.text(number))}`) }
  }
}

const SUFFIX = Buffer.from('.log')
const [TAB, SLASH, SPACE] = [9, 47, 32]

/** Arguments for git to list all paths of a commit: `<mode> blob <id>\t<path>`, ended by a zero. */
export function listBranch(commit: string): string[] {
  return ['ls-tree', '-r', '-z', commit]
}

async function* listed(
  clone: Clone,
  commit: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  const { stdout, ended } = startProgram('git', listBranch(commit), { cwd: clone.gitDirectory, signal })
  yield* splitAt(stdout, 0)
  await ended
}

async function* byListing(
  lines: AsyncIterable<Buffer>,
  table: KeyTable,
  wanted: Uint8Array,
): AsyncGenerator<Question, void, void> {
  for await (const line of lines) {
    if (!line.subarray(-SUFFIX.length).equals(SUFFIX)) continue
    const tab = line.indexOf(TAB)
    const name = line.subarray(line.lastIndexOf(SLASH) + 1, -SUFFIX.length)
    const number = numberOf(table, name)
    if (number === undefined || wanted[number] !== 1) continue
    if (line.subarray(tab + 1).equals(encode(logPath(table.text(number))))) {
      yield { number, object: Buffer.from(line.subarray(line.lastIndexOf(SPACE, tab) + 1, tab)) }
    }
  }
}

const [PERCENT, AND] = [37, 38]

function numberOf(table: KeyTable, fileName: Buffer): number | undefined {
  if (!fileName.includes(PERCENT) && !fileName.includes(AND)) return table.findBytes(fileName)
  const key = keyOfFileName(decode(fileName))
  return key === undefined ? undefined : table.find(key)
}

/**
 * Reads what `cat-file --batch` prints: `<id> blob <bytes>\n<content>\n`, or `… missing\n`, which
 * is an empty text.
 */
async function* answersOf(stream: Readable): AsyncGenerator<string[], void, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    const bytes: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    const texts: string[] = []
    let at = 0
    for (;;) {
      const end = bytes.indexOf(10, at)
      if (end < 0) break
      const header = bytes.toString('latin1', at, end)
      if (header.endsWith(' missing')) {
        texts.push('')
        at = end + 1
        continue
      }
      const length = Number(/ blob (\d+)$/.exec(header)?.[1])
      if (!Number.isSafeInteger(length)) throw new RangeError(`git cat-file said ${JSON.stringify(header)}`)
      const after = end + 1 + length + 1
      if (after > bytes.length) break
      texts.push(bytes.toString('latin1', end + 1, after - 1))
      at = after
    }
    rest = bytes.subarray(at)
    if (texts.length > 0) yield texts
  }
}

/** Numbers in the order in which they came. */
class NumberQueue {
  #numbers = new Float64Array(1024)
  #first = 0
  #end = 0

  put(number: number): void {
    if (this.#end === this.#numbers.length) {
      const waiting = this.#numbers.subarray(this.#first, this.#end)
      const room =
        waiting.length * 2 > this.#numbers.length ? new Float64Array(this.#numbers.length * 2) : this.#numbers
      room.set(waiting)
      this.#numbers = room
      this.#end -= this.#first
      this.#first = 0
    }
    this.#numbers[this.#end] = number
    this.#end += 1
  }

  take(): number {
    if (this.#first === this.#end) throw new RangeError('git cat-file answered more than it was asked')
    const number = this.#numbers[this.#first] as number
    this.#first += 1
    return number
  }
}
