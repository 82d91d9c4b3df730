import { decode, encode } from '../../core/text.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { fileNameOf, keyOfFileName } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import type { Dataset } from '../dataset.ts'

/** Whether a dataset in a store has no key at all, loose or archived. */
export async function isEmptyOfKeys(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  if ((await dataset.store.stat(archivePath(dataset.directory), call)) !== undefined) return false
  for await (const { path } of dataset.store.list(`${dataset.directory}/annex/objects`, call)) {
    if (!path.split('/').some(isTemporaryName)) return false
  }
  return true
}

/**
 * The keys that git-annex has on record as being in a repository. Read from the git-annex branch
 * itself, for git-annex names no keys of a repository that it does not use at the moment. Source:
 * git-annex's internals page, location logs: lines of `<seconds>s <1 or 0> <uuid>`.
 */
export async function keysOnRecord(dataset: Dataset, uuid: string): Promise<readonly string[]> {
  await dataset.annex(['merge']) // commits what is in its journal, too
  const branch = 'refs/heads/git-annex'
  const logs = ['--', ':(glob)*/*/*.log']
  const args = ['grep', '-z', '--full-name', '--fixed-strings', '-e', ` ${uuid}`, branch, ...logs]
  const { stdout } = await dataset.git(args, { mayEndWith: [1] })
  const newest = new Map<string, { at: number; isThere: boolean }>()
  for (const [, file = '', seconds, state, of] of decode(stdout).matchAll(/^([^\0]*)\0([0-9.]+)s? (\S+) (\S+)$/gm)) {
    const at = Number(seconds)
    if (of === uuid && at >= (newest.get(file)?.at ?? 0)) newest.set(file, { at, isThere: state === '1' })
  }
  const files = [...newest].flatMap(([file, { isThere }]) =>
    isThere ? [fileNameOf(file).slice(0, -'.log'.length)] : [],
  )
  return files.flatMap((name) => keyOfFileName(name) ?? [])
}

/** Has git-annex note, in one batch, that a repository has these keys, or has them not. */
export async function noteKeys(
  dataset: Dataset,
  uuid: string,
  keys: readonly string[],
  isThere: boolean,
): Promise<void> {
  const input = keys.map((key) => `${key} ${uuid} ${isThere ? 1 : 0}\n`).join('')
  await dataset.annex(['setpresentkey', '--batch'], { input: encode(input) })
}
