import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { forEachParallel } from '../../core/parallel.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { git } from './git.ts'
import { downloadPack } from './pack-files.ts'

/** So many packs are downloaded at once. */
const DOWNLOADS = 4

/** Makes an empty bare repository in a work directory, and gives its path. */
export async function newRepository(work: string, name: string, signal: AbortSignal | undefined): Promise<string> {
  const gitDir = join(work, name)
  await git(['init', '-q', '--bare', '--template=', gitDir], { gitDir, signal })
  return gitDir
}

/** Downloads packs into it; git checks every object. */
export async function addPacks(
  dataset: StoredDataset,
  packs: readonly string[],
  work: string,
  gitDir: string,
  call: CallOptions,
): Promise<void> {
  await forEachParallel(packs, Math.min(DOWNLOADS, dataset.store.traits.maxInFlight), async (name) => {
    const file = join(work, `${name}.download`)
    await downloadPack(dataset, name, file, call)
    await git(['index-pack', '--stdin'], { input: { file }, gitDir, signal: call.signal })
    await rm(file)
  })
}
