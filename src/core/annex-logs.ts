import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './errors.ts'
import { decode } from './text.ts'

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
