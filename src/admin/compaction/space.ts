import { codeOf, messageOf, StoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { Work } from './builder.ts'

/** A member takes so much in the header of an archive, besides twice its name. Bytes. */
const MEMBER_BYTES = 64

/** Left free for whoever else writes. Bytes. */
const MARGIN_BYTES = 16 * 1024 * 1024

/** The new archive's size at most, in bytes. */
export function newArchiveBytes({ add, old }: Pick<Work, 'add' | 'old'>): number {
  let bytes = old?.size ?? 0
  for (const { size, place } of add) bytes += memberBytes(size, place)
  return bytes
}

/** What a member takes in an archive, at most. */
export function memberBytes(size: number, place: string): number {
  return size + 2 * place.length + MEMBER_BYTES
}

/**
 * Throws `full` unless so many bytes and a margin are free in a directory of the store, as far as
 * that is known.
 */
export async function requireFree(
  store: Store,
  directory: string,
  bytes: number,
  call: CallOptions = {},
): Promise<void> {
  checkFree(await store.freeBytes(directory, call), bytes, `${store.traits.root}/${directory}`)
}

export function checkFree(free: number | undefined, bytes: number, where: string): void {
  const needed = bytes + MARGIN_BYTES
  if (free === undefined || free >= needed) return
  const message = `${needed} bytes are needed, and ${free} are free`
  throw new StoreError({ kind: 'full', op: 'space', where, message, sent: 'no' })
}

/**
 * What the disk of this machine said, as a StoreError: `full` when that was it. What is no error of
 * the system comes out as it is.
 */
export function localError(error: unknown, where: string): unknown {
  if (error instanceof StoreError || typeof (error as NodeJS.ErrnoException).errno !== 'number') return error
  const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')
  const message = isFull ? 'no space left' : messageOf(error)
  return new StoreError({ kind: isFull ? 'full' : 'unsupported', op: 'write', where, message, cause: error })
}
