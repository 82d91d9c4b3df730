import { StoreError } from '../core/errors.ts'
import { decode, encode } from '../core/text.ts'
import type { Clone } from './clone/clone.ts'
import { feed, splitAt, startProgram } from './clone/programs.ts'
import type { BulkEvents } from './events.ts'
import type { Selection } from './wanted.ts'

/** What git-annex said of the keys that it was asked to move. */
export interface HandedOver {
  readonly moved: number
  readonly failed: number
}

/** What one git-annex is to do. */
export interface Errand {
  /** `get`, `copy` with their options. */
  readonly command: readonly string[]
  readonly jobs: number | undefined
  /** In words, for what is told of each key: `git-annex`. */
  readonly events: BulkEvents
  readonly signal: AbortSignal | undefined
}

/**
 * Has one git-annex move keys. Throws StoreError when it cannot be run, or refuses all of it, as
 * with a remote that it does not know.
 */
export async function handOverKeys(clone: Clone, keys: Iterable<string>, errand: Errand): Promise<HandedOver> {
  const lines = async function* () {
    for (const key of keys) yield encode(`${key}\n`)
  }
  return runErrand(clone.directory, errand, ['--batch-keys'], lines())
}

/** Has git-annex itself do the whole work. Throws as handOverKeys does. */
export async function handOverSelection(clone: Clone, selection: Selection, errand: Errand): Promise<HandedOver> {
  const { paths, matching, all, keys, cwd } = selection
  const [key] = keys
  if (keys.length > 1) return handOverKeys(clone, keys, errand)
  const which = key !== undefined ? [`--key=${key}`] : all ? ['--all'] : [...matching, '--', ...paths]
  return runErrand(clone.isBare ? clone.directory : cwd, errand, which, undefined)
}

async function runErrand(
  cwd: string,
  { command, jobs, events, signal }: Errand,
  which: readonly string[],
  input: AsyncIterable<Uint8Array> | undefined,
): Promise<HandedOver> {
  const options = ['--json', '--json-error-messages', ...(jobs === undefined ? [] : [`--jobs=${jobs}`])]
  const started = startProgram('git', ['annex', ...command, ...options, ...which], {
    cwd,
    signal,
    stdin: input === undefined ? 'ignore' : 'pipe',
    accepts: [0, 1, 101],
    stallMs: Number.POSITIVE_INFINITY, // it waits for remotes, by limits of its own
  })
  const feeding = input === undefined ? Promise.resolve() : feed(started.stdin, input)
  feeding.catch(() => {})
  let [moved, failed] = [0, 0]
  for await (const line of splitAt(started.stdout, 10)) {
    const said = parseAnswer(decode(line))
    if (said === undefined) continue
    if (said.success) {
      moved += 1
      events.onMoved?.(said.key, said.bytes, 'git-annex')
    } else {
      failed += 1
      events.onFailed?.({ key: said.key, kind: 'missing', message: said.message })
    }
  }
  await feeding
  const code = await started.ended
  // No key failed that it named: so it did not even begin, and only stderr says why.
  if (code === 1 && failed === 0) {
    const message = started.said() || 'it ended with exit code 1'
    throw new StoreError({ kind: 'unsupported', op: `git annex ${command[0]}`, where: cwd, message })
  }
  return { moved, failed: code === 0 ? failed : Math.max(1, failed) }
}

interface Answer {
  readonly key: string
  readonly bytes: number
  readonly success: boolean
  readonly message: string
}

/** Undefined for a line that is about no key: an empty one says that nothing was to be done. */
function parseAnswer(line: string): Answer | undefined {
  if (!line.startsWith('{')) return undefined
  const said = JSON.parse(line) as Record<string, unknown>
  const { key, success } = said
  if (typeof key !== 'string' || typeof success !== 'boolean') return undefined
  const messages = said['error-messages']
  const note = typeof said.note === 'string' ? [said.note] : []
  const texts = Array.isArray(messages) ? messages.filter((text) => typeof text === 'string') : []
  const size = Number(/^[^-]+-s(\d+)/.exec(key)?.[1] ?? 0)
  return { key, bytes: size, success, message: [...note, ...texts].join(' ').trim() || 'git-annex did not get it' }
}
