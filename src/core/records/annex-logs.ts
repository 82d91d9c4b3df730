import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../errors.ts'
import { run } from '../process/run.ts'
import { decode } from '../text.ts'

/** Runs git in the repository; 1 and 128 are exit codes like others, and no failure. */
export type RunGit = (args: readonly string[]) => Promise<{ readonly code: number; readonly stdout: Uint8Array }>

/**
 * A log of git-annex (`remote.log`): its text in every git-annex branch that is here, whoever made
 * it, and what git-annex did not commit yet. git-annex itself would merge them. `gitDir` is
 * absolute. Throws what `git` throws, and for a journal that cannot be read.
 */
export async function readAnnexLogs(git: RunGit, gitDir: string, file: string): Promise<readonly string[]> {
  const patterns = ['refs/heads/git-annex', 'refs/remotes/*/git-annex', 'refs/synced/*/git-annex']
  const { stdout } = await git(['for-each-ref', '--format=%(objectname)', ...patterns])
  const found: string[] = []
  for (const commit of new Set(decode(stdout).split('\n').filter(Boolean))) {
    const { code, stdout } = await git(['cat-file', 'blob', `${commit}:${file}`])
    if (code === 0) found.push(decode(stdout))
  }
  try {
    found.push(decode(await readFile(join(gitDir, 'annex', 'journal', file))))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error
  }
  return found
}

/**
 * The settings of each special remote that a repository's own git-annex goes by, by uuid: those
 * that its user agreed to, and for others those of its branch, and over it what git-annex did not
 * commit yet. `gitDir` is absolute, and common to all work trees.
 */
export async function readRemoteLog(gitDir: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  return new Map([...(await recordedSettings(gitDir)), ...(await agreedSettings(gitDir))])
}

/**
 * The uuids of special remotes that somebody gave other settings than those that the repository's
 * user agreed to: git-annex goes by the latter.
 */
export async function unagreedChanges(gitDir: string): Promise<ReadonlySet<string>> {
  const [recorded, agreed] = await Promise.all([recordedSettings(gitDir), agreedSettings(gitDir)])
  const changed = [...agreed].filter(([uuid, settings]) => {
    const newer = recorded.get(uuid)
    return newer !== undefined && textOf(newer) !== textOf(settings)
  })
  return new Set(changed.map(([uuid]) => uuid))
}

function textOf(settings: ReadonlyMap<string, string>): string {
  return JSON.stringify([...settings].filter(([key]) => key !== 'timestamp').sort())
}

async function recordedSettings(gitDir: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const journal = await readFile(join(gitDir, 'annex/journal/remote.log')).then(decode, () => undefined)
  if (journal !== undefined) return parseRemoteLog(journal)
  const asked = [`--git-dir=${gitDir}`, 'cat-file', 'blob', 'refs/heads/git-annex:remote.log']
  const { code, stdout } = await run('git', asked)
  return parseRemoteLog(code === 0 ? decode(stdout) : '')
}

/**
 * Those that the user of a git-annex since 10.20261026 agreed to, or had when it was installed. It
 * keeps them from whoever can write to the branch.
 */
export async function agreedSettings(gitDir: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  try {
    return parseRemoteLog(decode(await readFile(join(gitDir, 'annex/verified-remote.log'))))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return new Map()
    throw error
  }
}

/** Of each remote, by uuid, the settings that were written last. */
export function parseRemoteLog(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const newest = new Map<string, { readonly at: number; readonly settings: ReadonlyMap<string, string> }>()
  for (const line of text.split('\n')) {
    const [uuid] = line.split(' ', 1)
    if (!uuid) continue
    const settings = settingsOfLine(line.slice(uuid.length))
    const at = Number.parseFloat(settings.get('timestamp') ?? '0')
    if (at >= (newest.get(uuid)?.at ?? -1)) newest.set(uuid, { at, settings })
  }
  return new Map([...newest].map(([uuid, { settings }]) => [uuid, settings]))
}

/**
 * A special remote's settings, as a line of remote.log has them: `name=value`, white space and &
 * escaped as `&<code>;`.
 */
export function settingsOfLine(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const word of text.split(' ')) {
    const at = word.indexOf('=')
    if (at > 0) settings.set(word.slice(0, at), unescapeValue(word.slice(at + 1)))
  }
  return settings
}

function unescapeValue(value: string): string {
  return value.replace(/&([0-9]+);/g, (all, code: string) => {
    const point = Number(code)
    return point <= 0x10ffff ? String.fromCodePoint(point) : all
  })
}

/**
 * A remote.log with new settings of a remote, newer than those that it had, and no older line of
 * it. A `timestamp` among the settings is not taken.
 */
export function withRemote(log: string, uuid: string, settings: ReadonlyMap<string, string>): string {
  const words = [...settings].filter(([key]) => key !== 'timestamp').map(([key, value]) => `${key}=${escaped(value)}`)
  const before = Number.parseFloat(parseRemoteLog(log).get(uuid)?.get('timestamp') ?? '0')
  return withLine(log, uuid, words.sort().join(' '), before)
}

/** A uuid.log that describes one repository more, or in another way. */
export function withDescription(log: string, uuid: string, description: string): string {
  return withLine(log, uuid, description, 0)
}

/** A log of lines `<uuid> <text> timestamp=<seconds>s`, with one newer than `before`. */
function withLine(log: string, uuid: string, text: string, before: number): string {
  const line = `${uuid} ${text} timestamp=${Math.max(Date.now() / 1000, before + 1).toFixed(3)}s`
  const others = log.split('\n').filter((each) => each !== '' && !each.startsWith(`${uuid} `))
  return `${[...others, line].sort().join('\n')}\n`
}

function escaped(value: string): string {
  return value.replace(/[\s&]/g, (character) => `&${character.codePointAt(0)};`)
}
