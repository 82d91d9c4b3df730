import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { gitThere } from './git-there.ts'

/** What git's own gc has changed, or would. */
export interface GitsGc {
  readonly packs: { readonly before: number; readonly after: number }
  /** Objects that are files of their own. */
  readonly loose: { readonly before: number; readonly after: number }
  /** That it saved. */
  readonly bytes: number
}

/**
 * Has git itself put a repository's packs together, where that lies, and remove objects that
 * nothing has referred to for the grace period. Throws StoreError, `conflict` when git does so
 * already.
 */
export async function gcThere(
  dataset: StoredDataset,
  { graceMs, dryRun }: { readonly graceMs: number; readonly dryRun: boolean },
  call: CallOptions,
): Promise<GitsGc> {
  const before = await count(dataset, call)
  if (dryRun) {
    const packs = { before: before.packs, after: Math.min(1, before.packs + before.loose) }
    return { packs, loose: { before: before.loose, after: 0 }, bytes: 0 }
  }
  const prune = `--prune=${Math.round(graceMs / 1000)}.seconds.ago`
  const { code, stderr } = await gitThere(dataset, ['gc', '--quiet', prune], '', call)
  if (code !== 0) {
    const message = lastLine(stderr) || `git gc ended with ${code}`
    throw dataset.error(/already running/.test(stderr) ? 'conflict' : 'denied', 'gc', message)
  }
  const after = await count(dataset, call)
  return {
    packs: { before: before.packs, after: after.packs },
    loose: { before: before.loose, after: after.loose },
    bytes: Math.max(0, before.bytes - after.bytes),
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

/** Of a repository, by git: its packs, its objects that are files of their own, and their bytes. */
async function count(dataset: StoredDataset, call: CallOptions) {
  const { code, stdout, stderr } = await gitThere(dataset, ['count-objects', '-v'], '', call)
  if (code !== 0) throw dataset.error('denied', 'gc', lastLine(stderr))
  const values = new Map(
    stdout
      .toString()
      .split('\n')
      .map((line) => line.split(': ', 2) as [string, string]),
  )
  const number = (name: string) => Number(values.get(name) ?? 0)
  return { packs: number('packs'), loose: number('count'), bytes: 1024 * (number('size') + number('size-pack')) }
}
