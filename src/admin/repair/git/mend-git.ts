import { messageOf } from '../../../core/errors.ts'
import { GitError } from '../../../git/objects/git.ts'
import type { Sharing } from '../../../store/store.ts'
import { checkRepository } from '../../check/check-repository.ts'
import type { Problem, ProblemCode } from '../../check/problem.ts'
import type { Bench } from '../bench.ts'
import type { GoodCopies } from '../good-copies.ts'
import type { Mended } from '../repaired.ts'
import { mendRepository, type RepositoryMended } from './mend-repository.ts'

const OF_GIT: readonly ProblemCode[] = ['git-damaged', 'pack-damaged', 'ref-dangling']

/** Whether a problem is one of the repository: all of these are mended together. */
export function isOfGit(code: ProblemCode): boolean {
  return OF_GIT.includes(code)
}

/**
 * Mends the repository of a dataset, looks at it again, and gives what became of each of its
 * problems. Throws StoreError.
 */
export async function mendGit(
  bench: Bench,
  sources: readonly GoodCopies[],
  sharing: Sharing | undefined,
): Promise<(problem: Problem) => Mended> {
  let mended: RepositoryMended
  try {
    mended = await mendRepository(bench, sources, sharing)
  } catch (error) {
    if (!(error instanceof GitError)) throw error
    return () => ({ outcome: 'left', how: messageOf(error) })
  }
  const remaining: Problem[] = []
  await checkRepository(bench.dataset, (problem) => remaining.push(problem), bench.call)
  return (problem) => {
    const { code, path, message } = problem
    const isLeft = remaining.some((each) => each.code === code && each.path === path && each.message === message)
    if (isLeft) return { outcome: 'left', how: mended.notDropped ?? whyStill(bench, problem) }
    return resultOf(bench, problem, mended)
  }
}

function resultOf({ dataset }: Bench, { code, path }: Problem, mended: RepositoryMended): Mended {
  const { pack, where, kept, made, dropped, head } = mended
  const ids = dropped.get(path.slice(dataset.directory.length + 1))
  if (code === 'ref-dangling' && ids !== undefined) {
    return { outcome: 'quarantined', how: `no source has what it leads to: its id is kept in ${ids}; push it again` }
  }
  if (path === dataset.path('HEAD') && head !== undefined) return { outcome: 'mended', how: `it points to ${head} now` }
  const to = kept.get(path)
  const parts = [
    ...(pack === undefined ? [] : [`what refs need came back as ${pack}${where === '' ? '' : `, out of ${where}`}`]),
    ...(made.length === 0 ? [] : [`${made.length} indices were made`]),
    ...(to === undefined ? [] : [`it is kept as ${to}`]),
    ...(to !== undefined || kept.size === 0 ? [] : [`${kept.size} damaged files are kept in quarantine/`]),
  ]
  return { outcome: 'mended', how: parts.length === 0 ? 'it is good when it is read again' : parts.join('; ') }
}

function whyStill({ dataset }: Bench, { path }: Problem): string {
  if (path === dataset.path('HEAD')) return 'nobody can tell which branch it was: write it by hand'
  return 'it is still so: git fsck in the repository says more'
}
