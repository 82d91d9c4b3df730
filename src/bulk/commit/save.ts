import { ConfigError } from '../../core/errors.ts'
import type { CloneGit } from './clone-git.ts'

/** Of a subdataset, in git's lists. */
const SUBDATASET = '160000'

/**
 * Makes one commit of all that was changed in a work tree, as `git annex add` and git divide it
 * into keys and files of git. Resolves with the number of files; 0: nothing was changed, and there
 * is no new commit. Throws ConfigError for what cannot be committed, StoreError with what git says.
 */
export async function saveChanges(git: CloneGit, message: string | undefined): Promise<number> {
  const unmerged = names(await git.run(['diff', '--name-only', '-z', '--diff-filter=U']))
  if (unmerged.length > 0) throw new ConfigError(`${git.directory} is in the middle of a merge: ${unmerged.join(', ')}`)
  await git.run(['annex', 'add', '--quiet', '--', '.'])
  await git.run(['add', '--all', '--', '.'])
  const files = names(await git.run(['diff', '--cached', '--name-only', '-z', '--no-renames']))
  if (files.length === 0) return 0
  await requirePublished(git)
  const counted = `Change ${files.length} ${files.length === 1 ? 'file' : 'files'}`
  await git.run(['commit', '--quiet', `--message=${message ?? counted}`])
  return files.length
}

/** So many files a commit would have, as far as it can be told without making it. */
export async function countChanges(git: CloneGit): Promise<number> {
  return names(await git.run(['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all'])).length
}

/** A commit of a subdataset that nobody else can get would be half a result. */
async function requirePublished(git: CloneGit): Promise<void> {
  const { text } = await git.run(['diff', '--cached', '--raw', '-z', '--no-abbrev', '--no-renames'])
  const fields = text.split('\0')
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, , id = ''] = (fields[at] ?? '').split(' ')
    const path = fields[at + 1] ?? ''
    if (mode !== SUBDATASET) continue
    const asked = ['-C', path, 'for-each-ref', '--count=1', `--contains=${id}`, 'refs/remotes']
    if ((await git.run(asked, [0, 128, 129])).text !== '') continue
    throw new ConfigError(`${path} has a commit that is in no remote of it: commit there first`)
  }
}

function names({ text }: { readonly text: string }): readonly string[] {
  return text.split('\0').slice(0, -1)
}
