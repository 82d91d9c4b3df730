import { ConfigError, StoreError } from '../../core/errors.ts'
import type { CloneGit } from './clone-git.ts'

/** A commit that has what is here and what is there. */
export interface Joined {
  readonly commit: string
  /** `same`: one of the two. `moved`: our one commit, on top of theirs. `merged`: a merge. */
  readonly how: 'same' | 'moved' | 'merged'
}

/**
 * Joins our commits with those that somebody else has pushed meanwhile; nothing of the work tree or
 * of branches is changed. One commit that nobody else has is put on top of theirs, so that history
 * has one after the other; several are merged. Each path stands for itself: renames are not
 * guessed. Throws StoreError `conflict` that names the paths which both have changed.
 */
export async function join(git: CloneGit, ours: string, theirs: string | undefined): Promise<Joined> {
  if (theirs === undefined || (await git.isAncestor(theirs, ours))) return { commit: ours, how: 'same' }
  if (await git.isAncestor(ours, theirs)) return { commit: theirs, how: 'same' }
  const tree = await mergedTree(git, theirs, ours)
  // What we have is there: a run that was killed pushed it, or somebody else did the same.
  if (tree === (await git.line('rev-parse', `${theirs}^{tree}`))) return { commit: theirs, how: 'same' }
  const moved = await moveOnto(git, ours, theirs, tree)
  if (moved !== undefined) return { commit: moved, how: 'moved' }
  const message = 'Merge what others committed meanwhile'
  const parents = ['-p', theirs, '-p', ours] // theirs first: the results, one after the other
  return { commit: await git.line('commit-tree', tree, ...parents, '-m', message), how: 'merged' }
}

const AS_THEY_ARE = ['-c', 'merge.renames=false', '-c', 'merge.directoryRenames=false']

async function mergedTree(git: CloneGit, theirs: string, ours: string): Promise<string> {
  const args = [...AS_THEY_ARE, 'merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', theirs, ours]
  const { code, text } = await git.run(args, [0, 1, 129])
  if (code === 129)
    throw new ConfigError('others have pushed, and joining that with what is here needs git 2.38 or newer')
  const [tree = '', ...paths] = text.split('\0').filter((field) => field !== '')
  if (code === 0) return tree
  const named = `${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ` and ${paths.length - 5} more` : ''}`
  throw conflict(git, `others have changed the same files: ${named}. git pull, and choose; nothing was pushed`)
}

/** Makes our one commit anew on top of theirs. Undefined where it is not to be made anew. */
async function moveOnto(git: CloneGit, ours: string, theirs: string, tree: string): Promise<string | undefined> {
  const { text: count } = await git.run(['rev-list', '--count', `${theirs}..${ours}`])
  const raw = (await git.run(['cat-file', 'commit', ours])).text
  const end = raw.indexOf('\n\n')
  const header = raw.slice(0, end).split('\n')
  const parents = header.filter((line) => line.startsWith('parent '))
  const isPlain = header.every((line) => /^(tree|parent|author|committer|encoding) /.test(line)) // not signed
  if (count.trim() !== '1' || parents.length !== 1 || !isPlain || (await isNamed(git, ours))) return undefined
  const committer = await git.line('var', 'GIT_COMMITTER_IDENT')
  const made = header.map((line) => {
    if (line.startsWith('tree ')) return `tree ${tree}`
    if (line.startsWith('parent ')) return `parent ${theirs}`
    return line.startsWith('committer ') ? `committer ${committer}` : line
  })
  const { text } = await git.run(
    ['hash-object', '-t', 'commit', '-w', '--stdin'],
    [0],
    made.join('\n') + raw.slice(end),
  )
  return text.trim()
}

/** Whether more than the branch that is checked out names a commit: a tag, another branch. */
async function isNamed(git: CloneGit, commit: string): Promise<boolean> {
  const { text } = await git.run(['for-each-ref', `--points-at=${commit}`, '--format=%(refname)'])
  return text.trim().split('\n').length > 1
}

function conflict(git: CloneGit, message: string): StoreError {
  return new StoreError({ kind: 'conflict', op: 'merge', where: git.directory, message })
}
