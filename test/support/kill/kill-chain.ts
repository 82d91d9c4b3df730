import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { placesOf } from '../../../src/ria/layout/places.ts'
import type { ArchiveProgram } from '../programs/archive-program.ts'
import { runOk } from '../programs/run.ts'
import { makeAnnexRepo } from '../repos/annex-repo.ts'
import { addDataset, addRemote, openRiaStore, type RiaDatasetFiles, type RiaStore } from '../repos/ria-store.ts'
import { contentOf, historyOf, makeSampleStore } from '../repos/sample-store.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { expectNoHalfKey } from './kill-copy.ts'

/** The end of one copy, and the beginning of the next. */
export interface Stop {
  readonly url: string
  /** Where it lies on this machine; undefined: it does not. */
  readonly root: string | undefined
}

export interface ChainOptions {
  readonly workspace: Workspace
  readonly riastore: ArchiveProgram
  readonly env: NodeJS.ProcessEnv
  readonly stops: readonly Stop[]
  /** Of each copy. */
  readonly kills: number
  readonly keys: number
}

/** Of the client between two pushes. ms. */
const PAUSE_MS = 1_000

/** A killed run had so long at most. ms. */
const LONGEST_MS = 4_000

/**
 * Copies a store from a disk to the first stop, from there to the second, and so on. Each copy is
 * killed at random moments, every other time with --delete, while a client stores keys in the first
 * store and pushes. After each kill no key is half, and no ref names a key that is not there. In
 * the end one more run of each catches up: all is the same, and nothing went into a trash. Returns
 * how often was killed, and pushed.
 */
export async function killChain({ workspace, riastore, env, stops, kills, keys }: ChainOptions) {
  const { store, top, sub } = await makeSampleStore(workspace, 'chain-from', keys)
  await riastore.ok(['archive', '--yes', store.root, sub.id])
  const client = await makeClient(workspace, store)
  const datasets = [top, sub, client.dataset]
  let [killed, from] = [0, store.root]
  const pushing = client.pushUntilStopped()
  try {
    for (const { url, root } of stops) {
      for (let nth = 0; nth < kills; nth++) {
        const running = riastore.start(['copy', ...(nth % 2 === 0 ? ['--delete'] : []), from, url], { env })
        await sleep(Math.random() * LONGEST_MS)
        running.killGroup('SIGKILL')
        const { signal, status, stderr } = await running.done
        if (signal === 'SIGKILL') killed += 1
        else expect([status, stderr]).toEqual([0, ''])
        if (root !== undefined) await expectNothingAhead(workspace, datasets, root)
      }
      await riastore.ok(['copy', '--delete', from, url], { env })
      from = url
    }
  } finally {
    client.stop()
    await pushing
  }
  from = store.root
  for (const { url, root } of stops) {
    await riastore.ok(['copy', '--delete', from, url], { env })
    expect(await riastore.json(['restore', url], { env })).toEqual([])
    from = url
    if (root === undefined) continue
    for (const dataset of datasets) {
      const copy = openRiaStore(root).dataset(dataset.id)
      expect(await contentOf(copy)).toEqual(await contentOf(dataset))
      expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, dataset))
    }
  }
  return { killed, pushed: client.pushes }
}

/** git-annex with our special remote, and git, for a dataset of their own. */
async function makeClient(workspace: Workspace, store: RiaStore) {
  const dataset = await addDataset(workspace, store)
  const repo = await makeAnnexRepo(workspace, 'chain-client')
  await addRemote(repo, `ria+file://${store.root}`, dataset.id, 'storage')
  await repo.git('remote', 'add', 'store', dataset.path)
  let [pushes, isStopped] = [0, false]
  const push = async () => {
    await repo.add({ [`file-${pushes}.dat`]: randomBytes(2_000), [`more-${pushes}.dat`]: randomBytes(20) })
    await repo.annex('copy', '--quiet', '--to', 'storage')
    await repo.git('push', '-q', 'store', 'HEAD:refs/heads/main', 'git-annex')
    pushes += 1
  }
  await push()
  return {
    dataset,
    get pushes() {
      return pushes
    },
    stop: () => {
      isStopped = true
    },
    pushUntilStopped: async () => {
      while (!isStopped) {
        await push()
        await sleep(PAUSE_MS)
      }
    },
  }
}

/** What a killed run left: no half key, and no ref that names a key which is not there. */
async function expectNothingAhead(
  workspace: Workspace,
  datasets: readonly RiaDatasetFiles[],
  root: string,
): Promise<void> {
  for (const dataset of datasets) {
    const copy = openRiaStore(root).dataset(dataset.id)
    await expectNoHalfKey(dataset, copy)
    if (!existsSync(join(copy.path, 'ria-layout-version'))) continue
    await historyOf(workspace, copy)
    for (const key of await keysAt(workspace, copy)) {
      const isThere = placesOf(key, '2').some((place) => existsSync(join(copy.path, 'annex/objects', place)))
      expect(isThere, key).toBe(true)
    }
  }
}

/** The keys that main of a copy names by links. */
async function keysAt({ env }: Workspace, { path }: RiaDatasetFiles): Promise<string[]> {
  const { stdout } = await runOk('git', ['-C', path, 'ls-tree', '-r', 'refs/heads/main'], { env })
  const ids = stdout.split('\n').flatMap((line) => (line.startsWith('120000') ? [line.split(/\s/)[2] ?? ''] : []))
  if (ids.length === 0) return []
  const blobs = await runOk('git', ['-C', path, 'cat-file', '--batch'], { env, input: `${ids.join('\n')}\n` })
  // Of each a line about it, and one with its content, which leads to the key.
  const targets = blobs.stdout.split('\n').filter((_line, i) => i % 2 === 1)
  expect(targets.length).toBe(ids.length)
  return targets.map((target) => target.slice(target.lastIndexOf('/') + 1))
}
