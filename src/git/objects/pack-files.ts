import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { patientFiles, writeFully } from '../../core/files.ts'
import { fileSource } from '../../core/source.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, PutOptions, Store } from '../../store/store.ts'
import { isPackName } from '../refs/ref-state.ts'
import type { GitResult } from './git.ts'

/**
 * Each makes other bytes, hence another name, of the same objects: the first two bytes of what zlib
 * writes tell its level.
 */
const LEVELS: readonly (readonly string[])[] = [
  [],
  ...['9', '4', '1'].map((n) => ['--no-reuse-object', `--compression=${n}`]),
]

/** Where a pack, or its index, lies. */
export function packPath(directory: string, name: string, suffix: 'pack' | 'idx'): string {
  return `${directory}/objects/pack/${name}.${suffix}`
}

/**
 * Uploads the pack that `pack` makes in `work`, and gives its name; undefined when there is nothing
 * to pack. Its index, which is put only if there is none, takes the name: a pack that a killed push
 * left, and that may be removed at any moment, is never built upon. `there`: packs that are kept.
 */
export async function uploadPack(
  dataset: StoredDataset,
  work: string,
  there: readonly string[],
  pack: (args: readonly string[]) => Promise<Pick<GitResult, 'stdout'>>,
  call: PutOptions,
): Promise<string | undefined> {
  for (const level of LEVELS) {
    const made = (await pack(level)).stdout.trim()
    if (made === '') return undefined
    const name = `pack-${made}`
    if (!isPackName(name)) throw new Error(`git pack-objects named its pack ${made}`)
    if (there.includes(name)) return name
    if (!(await reserve(dataset, work, name, call))) continue
    await dataset.store.put(
      packPath(dataset.directory, name, 'pack'),
      await fileSource(join(work, `${name}.pack`)),
      call,
    )
    return name
  }
  const message =
    'pushes of the same objects were broken off too often: change something, or run riastore gc in two weeks'
  throw dataset.error('conflict', 'push', message)
}

async function reserve(dataset: StoredDataset, work: string, name: string, call: PutOptions): Promise<boolean> {
  const index = await fileSource(join(work, `${name}.idx`))
  const path = packPath(dataset.directory, name, 'idx')
  try {
    await dataset.store.put(path, index, { ...call, ifAbsent: true })
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    if (!isStoreError(error, 'unsupported')) throw error
  }
  // Millions of objects: S3 takes so large a file only without conditions.
  if ((await dataset.store.stat(path, call)) !== undefined) return false
  await dataset.store.put(path, index, call)
  return true
}

/** Uploads a pack and its index as they are in `work`. */
export async function putPack(dataset: StoredDataset, work: string, name: string, call: CallOptions): Promise<void> {
  for (const suffix of ['idx', 'pack'] as const) {
    await dataset.store.put(
      packPath(dataset.directory, name, suffix),
      await fileSource(join(work, `${name}.${suffix}`)),
      call,
    )
  }
}

/** Downloads a pack into a file; goes on where it was cut off. */
export function downloadPack(dataset: StoredDataset, name: string, file: string, call: CallOptions): Promise<void> {
  return download(dataset.store, packPath(dataset.directory, name, 'pack'), file, call)
}

/** Downloads a file that never changes; goes on where it was cut off. */
export async function download(store: Store, path: string, file: string, call: CallOptions): Promise<void> {
  const handle = await open(file, 'w')
  try {
    let position = 0
    const range = () => (position === 0 ? undefined : { start: position })
    let identity: string | undefined
    await store.get(
      path,
      async (bytes, stat) => {
        if (identity !== undefined && identity !== stat.identity) throw changed(store, path)
        identity = stat.identity
        for await (const chunk of bytes) {
          await writeFully(patientFiles, handle.fd, chunk, position)
          position += chunk.length
        }
      },
      { ...call, range },
    )
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

function changed(store: Store, path: string): StoreError {
  const message = 'it changed while it was read'
  return new StoreError({ kind: 'conflict', op: 'get', where: `${store.traits.root}/${path}`, message })
}
