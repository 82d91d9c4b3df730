import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { ArchiveProgram } from '../programs/archive-program.ts'
import { listTree, openRiaStore, type RiaDatasetFiles } from '../repos/ria-store.ts'
import { contentOf, historyOf, makeSampleStore } from '../repos/sample-store.ts'
import type { Workspace } from '../worlds/workspace.ts'

/**
 * Kills `riastore copy` between two disks at random moments, one after the other in the same copy,
 * and in a new one when it was done. After each kill no key is there that is not whole, and a
 * dataset that is seen is all there; in the end the copy is the same. Returns how many runs were
 * killed.
 */
export async function killCopies(
  workspace: Workspace,
  riastore: ArchiveProgram,
  kills: number,
  keys = 100,
): Promise<number> {
  const { store, top, sub } = await makeSampleStore(workspace, 'killed-from', keys)
  await riastore.ok(['archive', '--yes', store.root, sub.id])
  const began = performance.now()
  await riastore.ok(['copy', store.root, workspace.path('killed-to-0')])
  const took = performance.now() - began
  let killed = 0
  for (let copies = 1; killed < kills; copies++) {
    const root = workspace.path(`killed-to-${copies}`)
    for (let isDone = false; !isDone && killed < kills; ) {
      const running = riastore.start(['copy', store.root, root])
      await sleep(Math.random() * took)
      running.killGroup('SIGKILL')
      const { signal, status, stderr } = await running.done
      isDone = signal !== 'SIGKILL'
      if (isDone) expect([status, stderr]).toEqual([0, ''])
      else killed += 1
      for (const dataset of [top, sub])
        await expectNothingHalf(workspace, dataset, openRiaStore(root).dataset(dataset.id))
    }
    await riastore.ok(['copy', store.root, root])
    for (const dataset of [top, sub]) {
      const copy = openRiaStore(root).dataset(dataset.id)
      expect(await contentOf(copy)).toEqual(await contentOf(dataset))
      expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, dataset))
    }
  }
  return killed
}

/** Each key that is there has the bytes of the original's. */
export async function expectNoHalfKey(from: RiaDatasetFiles, copy: RiaDatasetFiles): Promise<void> {
  const sum = async (file: string) =>
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
  for (const { path, kind } of await listTree(join(copy.path, 'annex/objects'))) {
    const file = `annex/objects/${path}`
    if (kind === 'file') expect(await sum(join(copy.path, file)), path).toBe(await sum(join(from.path, file)))
  }
}

async function expectNothingHalf(workspace: Workspace, from: RiaDatasetFiles, copy: RiaDatasetFiles): Promise<void> {
  await expectNoHalfKey(from, copy)
  if (!existsSync(join(copy.path, 'ria-layout-version'))) return
  expect(await contentOf(copy)).toEqual(await contentOf(from))
  expect(await historyOf(workspace, copy)).toBe(await historyOf(workspace, from))
}
