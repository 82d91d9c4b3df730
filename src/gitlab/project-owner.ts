import { markOf, marksIn } from './dataset-mark.ts'
import { GitLabError } from './gitlab-error.ts'
import type { Project } from './shapes.ts'

/**
 * Throws GitLabError for a project that nothing can be pushed to, or that is not the one with this
 * path.
 */
export function refuseUnusable({ fullPath, webUrl, markedForDeletion, isArchived }: Project, path: string): void {
  if (markedForDeletion !== undefined) {
    const message = `the project was deleted on ${markedForDeletion} and only waits to be removed: restore it, or name another`
    throw new GitLabError({ kind: 'deleting', where: webUrl, message })
  }
  if (fullPath.toLowerCase() !== path.toLowerCase()) {
    throw new GitLabError({ kind: 'moved', where: webUrl, message: `the project ${path} was moved to ${fullPath}` })
  }
  if (isArchived) {
    throw new GitLabError({
      kind: 'archived',
      where: webUrl,
      message: 'the project is archived: nothing can be pushed to it',
    })
  }
}

/** Throws GitLabError unless the project says that it is this dataset's, and no other's. */
export function refuseForeign({ description, webUrl, isEmpty }: Project, datasetId: string): void {
  const others = marksIn(description).filter((id) => id !== datasetId.toLowerCase())
  if (others.length > 0) {
    const message = `the project belongs to the dataset ${others.join(', ')}, not to ${datasetId}: it was not touched`
    throw new GitLabError({ kind: 'foreign', where: webUrl, message })
  }
  if (marksIn(description).length > 0) return
  const what = isEmpty ? 'an empty project' : 'a project with commits'
  const how = `if it is this dataset's, put the line "${markOf(datasetId)}" into its description`
  const message = `there is ${what} already, and it does not say whose it is: it was not touched; ${how}`
  throw new GitLabError({ kind: 'unmarked', where: webUrl, message })
}

/** Nothing is in it, and no dataset has claimed it. */
export function isUnmarkedAndEmpty({ description, isEmpty }: Project): boolean {
  return isEmpty && marksIn(description).length === 0
}
