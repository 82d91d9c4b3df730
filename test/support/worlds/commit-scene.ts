import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { explain, type Result, run, runOk } from '../programs/run.ts'
import { AnnexRepo } from '../repos/annex-repo.ts'
import { type BulkScene, type BulkStore, makeBulkScene } from './bulk-scene.ts'

/** A hundred at once take long where others use the machine, too. ms. */
const AT_ONCE_MS = 3_600_000

/** Between two looks at what there is, so that the jobs have the machine. */
const LOOK_MS = 300

/** A dataset in a store, keys and git, to which clones of it commit. */
export interface CommitScene extends BulkScene {
  /** Where git finds it. */
  readonly gitUrl: string
  /** A clone of what is in the store now, with its storage sibling. */
  worker(name: string): Promise<AnnexRepo>
  /** A clone by git alone, of what is in the store now. */
  look(name: string): Promise<AnnexRepo>
}

export async function makeCommitScene(
  store: BulkStore,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<CommitScene> {
  const scene = await makeBulkScene({ store, files })
  const { source, url, s3, datasetId, dataset, workspace, env } = scene
  const gitUrl =
    s3 !== undefined
      ? `${url.slice('ria+'.length)}/${datasetDirectory(datasetId)}`
      : store === 'ssh'
        ? `ssh://${url.slice('ria+ssh://'.length)}/${datasetDirectory(datasetId)}`
        : dataset.path
  await source.git('push', '-q', gitUrl, 'main', 'git-annex')
  return {
    ...scene,
    gitUrl,
    worker: async (name) => {
      const repo = await scene.clone(name, { 'remote.origin.url': gitUrl, 'branch.main.remote': 'origin' })
      await repo.git('fetch', '-q', 'origin')
      await repo.git('merge', '-q', '--ff-only', 'origin/main')
      return repo
    },
    look: async (name) => {
      await runOk('git', ['clone', '-q', gitUrl, workspace.path(name)], { env })
      return new AnnexRepo(workspace, workspace.path(name), { env })
    },
  }
}

/** What a job makes: two files for the annex, and one that is changed. */
export async function makeResult(repo: AnnexRepo, job: string): Promise<void> {
  for (const name of ['a.bin', 'b.bin']) await repo.write(`results/${job}/${name}`, randomBytes(5_000))
}

/** Runs `riastore commit` in a clone, which has to succeed. */
export async function committed(scene: CommitScene, repo: AnnexRepo, ...args: string[]): Promise<Result> {
  const result = await scene.riastore(repo, 'commit', ...args)
  expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
  return result
}

/** What is in the store, by a clone: the commits of the branch with the files that each brought. */
export async function history(
  repo: AnnexRepo,
): Promise<readonly { readonly parents: number; readonly files: readonly string[] }[]> {
  const { stdout } = await repo.git('log', '--first-parent', '--reverse', '-m', '--name-only', '--format=commit %P')
  return stdout
    .split(/^commit ?/m)
    .slice(1)
    .map((text) => {
      const [parents = '', ...files] = text.split('\n').filter((line, at) => at === 0 || line !== '')
      return { parents: parents.split(' ').filter(Boolean).length, files: files.sort() }
    })
}

/**
 * Has many jobs commit at once, each in a clone of its own, as if they ran on so many machines.
 * Afterwards each commit of the branch is one whole result, on top of the one before, and the store
 * has every key of it.
 */
export async function commitAtOnce(scene: CommitScene, jobs: number, machines: number): Promise<readonly Result[]> {
  const names = Array.from({ length: jobs }, (_, i) => `job-${i}`)
  const repos: AnnexRepo[] = []
  for (const name of names) {
    const repo = await scene.worker(name)
    await makeResult(repo, name)
    repos.push(repo)
  }
  const envs = await Promise.all(Array.from({ length: machines }, (_, i) => envOfMachine(scene, `machine-${i}`)))
  const watcher = watchTips(scene, await scene.look('watcher'))
  const results = await Promise.all(
    repos.map((repo, i) =>
      run(scene.program.path, ['commit', '--json', '--no-progress', '-m', names[i] ?? ''], {
        cwd: repo.path,
        env: envs[i % machines] ?? scene.env,
        timeoutMs: AT_ONCE_MS,
      }),
    ),
  )
  const tips = await watcher.stop()
  for (const result of results) expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
  expect(tips).toBeGreaterThan(0)
  await expectAllIn(scene, names)
  return results
}

/**
 * Fails unless the last commits of the branch are the whole results of jobs, one on top of the
 * other, and the store has every key.
 */
export async function expectAllIn(scene: CommitScene, jobs: readonly string[]): Promise<void> {
  const clone = await scene.look('afterwards')
  const commits = (await history(clone)).slice(-jobs.length)
  expect(commits.map(({ parents }) => parents)).toEqual(jobs.map(() => 1))
  const expected = jobs.map((name) => ['a.bin', 'b.bin'].map((file) => `results/${name}/${file}`))
  expect(commits.map(({ files }) => files).sort()).toEqual(expected.sort())
  if (scene.s3 !== undefined) await clone.setConfig('remote.store.riastore-s3-endpoint', scene.url)
  await clone.annex('init', '-q', 'afterwards')
  await clone.enableRemote('store')
  const fsck = await clone.tryAnnex('fsck', '--from', 'store', '--quiet')
  expect(fsck.status, explain(fsck)).toBe(0)
  const missing = await clone.annex('find', '--not', '--in=store')
  expect(missing.stdout).toBe('')
}

/** Has our programs believe that they run on a machine of that name. */
async function envOfMachine({ workspace, env }: CommitScene, name: string): Promise<NodeJS.ProcessEnv> {
  const file = workspace.path(`${name}.cjs`)
  await writeFile(
    file,
    `require('node:os').hostname = () => '${name}'\nrequire('node:module').syncBuiltinESMExports()\n`,
  )
  return { ...env, NODE_OPTIONS: `--require=${file}` }
}

/**
 * Looks again and again at what anybody would see, and fails for a branch that names a key which
 * the store has not got, or which git-annex's records do not know there.
 */
function watchTips(scene: CommitScene, repo: AnnexRepo): { stop(): Promise<number> } {
  const seen = new Set<string>()
  let stopped = false
  const look = async () => {
    await repo.git('fetch', '-q', 'origin')
    const tip = (await repo.git('rev-parse', 'origin/main')).stdout.trim()
    if (seen.has(tip)) return
    const keys = await keysOf(repo, 'origin/main')
    const there = await keysThere(scene)
    expect(keys.filter((key) => !there.has(key))).toEqual([])
    // git on a disk writes one ref after the other, so who fetches right then gets one of them.
    const unrecorded = async () => {
      const logs = await recordedIn(repo)
      const missing = keys.filter((key) => !logs.has(key))
      if (missing.length > 0) await repo.git('fetch', '-q', 'origin')
      return missing
    }
    await expect.poll(unrecorded, { timeout: 300_000, interval: LOOK_MS }).toEqual([])
    seen.add(tip)
  }
  const watching = (async () => {
    for (; !stopped; await sleep(LOOK_MS)) await look()
    await look()
  })()
  watching.catch(() => {})
  return {
    stop: async () => {
      stopped = true
      await watching
      return seen.size
    },
  }
}

/** The keys that git-annex's branch of the store has records of. */
async function recordedIn(repo: AnnexRepo): Promise<ReadonlySet<string>> {
  const { stdout } = await repo.git('ls-tree', '-r', '--name-only', 'origin/git-annex')
  return new Set(stdout.split('\n').flatMap((path) => /([^/]+)\.log$/.exec(path)?.[1] ?? []))
}

/** By the links of a commit. */
async function keysOf(repo: AnnexRepo, commit: string): Promise<readonly string[]> {
  const { stdout } = await repo.git('ls-tree', '-r', commit)
  const ids = stdout.split('\n').flatMap((line) => /^120000 blob (\S+)/.exec(line)?.[1] ?? [])
  const links = await runOk('git', ['cat-file', '--batch'], {
    ...repo.options,
    cwd: repo.path,
    input: ids.map((id) => `${id}\n`).join(''),
  })
  return links.stdout.split('\n').flatMap((line) => /annex\/objects\/.*\/([^/]+)$/.exec(line)?.[1] ?? [])
}

async function keysThere({ s3, dataset, datasetId }: CommitScene): Promise<ReadonlySet<string>> {
  if (s3 === undefined) return new Set(await dataset.keys())
  const keys = new Set<string>()
  for await (const { path } of s3.bucket.list(`${datasetDirectory(datasetId)}/annex/objects`))
    keys.add(path.replace(/^.*\//, ''))
  return keys
}
