import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../core/errors.ts'
import { decode } from '../core/text.ts'
import type { Dataset } from './dataset.ts'

/** A special remote that the git-annex branch knows of, here or at some remote. */
export interface RecordedRemote {
  readonly uuid: string
  readonly settings: ReadonlyMap<string, string>
  readonly isDead: boolean
  readonly trust: 'trust' | 'semitrust' | 'untrust' | 'dead'
}

/** All special remotes that were ever made for a dataset, as far as is known here. */
export async function recordedRemotes(dataset: Dataset): Promise<readonly RecordedRemote[]> {
  const remotes = newestLines(await logs(dataset, 'remote.log'))
  const trust = newestLines(await logs(dataset, 'trust.log'))
  return [...remotes].map(([uuid, text]) => {
    const level = TRUST[trust.get(uuid)?.split(' ')[0] ?? ''] ?? 'semitrust'
    return { uuid, settings: settingsOf(text), trust: level, isDead: level === 'dead' }
  })
}

/** As trust.log has it. */
const TRUST: Readonly<Record<string, RecordedRemote['trust']>> = { '1': 'trust', '0': 'untrust', X: 'dead' }

/** A log in every git-annex branch that is here, and what git-annex did not commit yet. git-annex itself would merge them. */
async function logs(dataset: Dataset, file: string): Promise<readonly string[]> {
  const patterns = ['refs/heads/git-annex', 'refs/remotes/*/git-annex', 'refs/synced/*/git-annex']
  const { stdout } = await dataset.git(['for-each-ref', '--format=%(objectname)', ...patterns])
  const found: string[] = []
  for (const commit of new Set(decode(stdout).split('\n').filter(Boolean))) {
    const { code, stdout } = await dataset.git(['cat-file', 'blob', `${commit}:${file}`], { mayEndWith: [128] })
    if (code === 0) found.push(decode(stdout))
  }
  try {
    found.push(decode(await readFile(join(dataset.gitDir, 'annex', 'journal', file))))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error
  }
  return found
}

/** `<uuid> <text> timestamp=<seconds>s`: by uuid, the text that was written last. Source: git-annex's internals page, remote.log. */
function newestLines(logs: readonly string[]): ReadonlyMap<string, string> {
  const newest = new Map<string, { text: string; at: number }>()
  for (const line of logs.flatMap((log) => log.split('\n'))) {
    const [, uuid, text = '', seconds] = /^(\S+) (.*?) ?timestamp=([0-9.]+)s?$/.exec(line) ?? []
    if (uuid === undefined) continue
    const at = Number(seconds)
    if (at >= (newest.get(uuid)?.at ?? 0)) newest.set(uuid, { text, at })
  }
  return new Map([...newest].map(([uuid, { text }]) => [uuid, text]))
}

/** `name=value`, separated by spaces; white space and & in a value are escaped as `&<code>;`. */
function settingsOf(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const word of text.split(' ')) {
    const at = word.indexOf('=')
    if (at > 0) settings.set(word.slice(0, at), unescapeValue(word.slice(at + 1)))
  }
  return settings
}

function unescapeValue(value: string): string {
  return value.replace(/&([0-9]{1,7});/g, (all, code: string) => {
    const point = Number(code)
    return point <= 0x10ffff ? String.fromCodePoint(point) : all
  })
}
