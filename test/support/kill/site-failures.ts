import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect } from 'vitest'
import { runInProcess } from '../programs/in-process.ts'
import { explain, type Result } from '../programs/run.ts'
import type { AnnexRepo } from '../repos/annex-repo.ts'
import type { SiteScene } from '../worlds/site-scene.ts'
import { occupy } from '../worlds/site-state.ts'

export interface QuickDataset {
  readonly repo: AnnexRepo
  readonly id: string
}

/** Something that goes wrong while a site is applied to a dataset whose store is on disk. */
export interface SiteFailure {
  readonly name: string
  readonly status: number
  /** What the one line of the error says. */
  readonly message: RegExp
  /** Makes it go wrong; what comes back mends it. */
  readonly cause: (scene: SiteScene, store: string, dataset: QuickDataset) => Promise<() => unknown>
  /** The token to be used instead. */
  readonly token?: (scene: SiteScene) => string
}

const nothing = async () => () => {}

/** In the order in which a run comes across them. */
export const SITE_FAILURES: readonly SiteFailure[] = [
  {
    name: 'the store is down',
    status: 4,
    message: /there is no store/,
    cause: async (_scene, store) => {
      await rename(store, `${store}-away`)
      return () => rename(`${store}-away`, store)
    },
  },
  {
    name: 'the dataset is in the store, from somewhere else',
    status: 2,
    message: /the dataset is in the store already/,
    cause: async (_scene, store, { id }) => {
      const directory = await occupy(store, id)
      return () => rm(directory, { recursive: true })
    },
  },
  {
    name: 'the alias is taken',
    status: 1,
    message: /this alias names a dataset that is not there/,
    cause: async (_scene, store, { repo }) => {
      const alias = join(store, 'alias', `the-${basename(repo.path)}`)
      await mkdir(join(store, 'alias'), { recursive: true })
      await symlink('../abc/def', alias)
      return () => rm(alias)
    },
  },
  {
    name: 'there is no permission for the group',
    status: 1,
    message: /there is no group lab that this token sees/,
    cause: nothing,
    token: ({ gitlab }) => {
      gitlab.addUser('guest')
      return gitlab.addToken({ user: 'guest' })
    },
  },
  {
    name: 'the token has expired',
    status: 1,
    message: /expired.*GITLAB_TOKEN/,
    cause: nothing,
    token: ({ gitlab }) => gitlab.addToken({ expiresAt: '2020-01-01' }),
  },
  {
    name: 'GitLab is down after it made the project',
    status: 4,
    message: /127\.0\.0\.1/,
    cause: async ({ gitlab }) => {
      gitlab.fault({ on: 'POST /projects', acts: true })
      gitlab.fault({ on: 'GET /projects', after: 1, times: 100 })
      return () => gitlab.reset()
    },
  },
  {
    name: 'a hook refuses the commit',
    status: 1,
    message: /git commit.*not today/,
    cause: async (_scene, _store, { repo }) => {
      const hook = join(repo.path, '.git/hooks/commit-msg')
      await writeFile(hook, '#!/bin/sh\necho "not today" >&2\nexit 1\n', { mode: 0o755 })
      return () => rm(hook)
    },
  },
]

export function applySite(scene: SiteScene, { path }: AnnexRepo, env = scene.env, ...more: string[]): Promise<Result> {
  const built = scene.workspace.path('programs/package/dist/riastore.js')
  return runInProcess(built, ['procedure', 'lab', path, ...more], { env })
}

/** One line says what went wrong, without the token. Default of `status`: nothing was done. */
export function expectSiteError(scene: SiteScene, result: Result, message: RegExp, status = 2): void {
  expect(result.status, explain(result)).toBe(status)
  const [error = '', ...more] = result.stderr.split('\n').filter((line) => line.startsWith('riastore: '))
  expect(error).toMatch(message)
  expect(more).toEqual([])
  expect(result.stdout + result.stderr).not.toContain(scene.gitlab.token)
}

/** Lets the procedure fail, and mends what made it fail. */
export async function failOnce(
  scene: SiteScene,
  store: string,
  dataset: QuickDataset,
  { status, message, cause, token }: SiteFailure,
): Promise<void> {
  const mend = await cause(scene, store, dataset)
  const env = token === undefined ? scene.env : { ...scene.env, GITLAB_TOKEN: token(scene) }
  const result = await applySite(scene, dataset.repo, env)
  await mend()
  expectSiteError(scene, result, message, status)
  if (env.GITLAB_TOKEN) expect(result.stdout + result.stderr).not.toContain(env.GITLAB_TOKEN)
}

/**
 * The site `lab`, with an alias, whose store is on disk, as a path; and what an undisturbed run
 * leads to.
 */
export async function addSiteOnDisk(scene: SiteScene): Promise<string> {
  await scene.addSite('lab', await scene.makeStore('file', 'store'), '--alias', 'the-{name}')
  return scene.workspace.path('stores/store')
}
