import { afterAll, afterEach, beforeAll } from 'vitest'
import { GitLabClient } from '../../../src/gitlab/client.ts'
import { GitLabError } from '../../../src/gitlab/gitlab-error.ts'
import { Token } from '../../../src/gitlab/token.ts'
import { temporaryDirectory } from '../stores/stores.ts'
import { type GitLabServer, startGitLab } from './server.ts'

export interface Bench {
  readonly gitlab: GitLabServer
  readonly directory: string
  /** What the clients told their user. */
  readonly told: string[]
  client(options?: Partial<ConstructorParameters<typeof GitLabClient>[0]> & { readonly text?: string }): GitLabClient
}

/**
 * A GitLab for the tests of a file, and clients that do not wait long. What it was told to do wrong
 * is forgotten after each test.
 */
export function useGitLab(): Bench {
  let gitlab: GitLabServer
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  const told: string[] = []
  beforeAll(async () => {
    directory = await temporaryDirectory()
    gitlab = await startGitLab({ directory: directory.path })
  })
  afterEach(() => {
    gitlab.reset()
    told.length = 0
  })
  afterAll(async () => {
    try {
      await gitlab?.close()
    } finally {
      await directory?.remove()
    }
  })
  return {
    get gitlab() {
      return gitlab
    },
    get directory() {
      return directory.path
    },
    told,
    client: ({ text, ...options } = {}) =>
      new GitLabClient({
        url: gitlab.url,
        token: new Token(text ?? gitlab.token, 'the test'),
        tell: (line) => told.push(line),
        pauseMs: 2,
        ...options,
      }),
  }
}

/** The error of what has to fail. */
export async function failure(work: Promise<unknown>): Promise<GitLabError> {
  try {
    await work
  } catch (error) {
    if (error instanceof GitLabError) return error
    throw error
  }
  throw new Error('it did not fail')
}
