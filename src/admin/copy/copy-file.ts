import { createHash } from 'node:crypto'
import { checksumOf } from '../../core/checksum.ts'
import { StoreError } from '../../core/errors.ts'
import type { Hasher } from '../../core/hasher.ts'
import type { Key } from '../../core/key.ts'
import { type Bytes, bufferSource, type Source } from '../../core/source.ts'
import { readSmall } from '../../store/read-small.ts'
import type { CallOptions, PutOptions, Stat, Store } from '../../store/store.ts'
import { StoredSource } from './stored-source.ts'

/** A file of no more than so many bytes is read whole, and then stored. */
const SMALL_BYTES = 256 * 1024

export interface FileToCopy {
  readonly from: Store
  readonly to: Store
  readonly path: string
  /** Where it is put. Default: the same path. */
  readonly target?: string
  /** As it was seen at `from`. */
  readonly stat: Stat
  /** Whose content it is: it is held against its length and checksum before it is stored. */
  readonly key?: Key | undefined
}

/**
 * Copies a file from one store to another, all or nothing, and reads it back: it resolves when the
 * copy has been proven to have the key's checksum, or, where it has none, that of what was sent.
 * Throws StoreError: `corrupt` at `from` for one that is damaged there, and nothing is stored;
 * `conflict` for one that was replaced meanwhile, `missing` for one that is gone.
 */
export async function copyFile(file: FileToCopy, options: PutOptions): Promise<Stat> {
  const { from, to, path, target = path, stat, key } = file
  const { signal } = options
  const checksum = key && checksumOf(key)
  const start = async () => (await checksum?.start()) ?? sha256()
  const accept = (hex: string) => {
    if (checksum !== undefined && hex !== checksum.expected) {
      throw corrupt(from, path, 'get', "the copy is damaged: its content does not have the key's checksum")
    }
  }
  if (key?.size !== undefined && key.size !== stat.size) {
    throw corrupt(from, path, 'get', `the copy is damaged: it has ${stat.size} bytes, and the key ${key.size}`)
  }
  const source = await sourceOf(file, start, accept, { signal })
  const stored = await to.put(target, source, options)
  if ((await hexOf(to, target, stat.size, start, { signal })) !== source.hex) {
    const now = await to.stat(target, { signal })
    const isOurs = now?.identity === stored.identity
    if (isOurs) await to.remove(target, { signal }) // another one somebody else has stored meanwhile
    const done = isOurs ? 'it was removed' : 'it was replaced meanwhile'
    throw corrupt(to, target, 'put', `what is read back is not what was stored: ${done}`)
  }
  return stored
}

/**
 * Whether the file at `to` is that of `from`: by the key's checksum, where it has one, else both
 * are read.
 */
export async function isSameFile({ from, to, path, stat, key }: FileToCopy, call: CallOptions): Promise<boolean> {
  const checksum = key && checksumOf(key)
  const start = async () => (await checksum?.start()) ?? sha256()
  const there = await hexOf(to, path, stat.size, start, call)
  if (there === undefined) return false
  return there === (checksum?.expected ?? (await hexOf(from, path, stat.size, start, call)))
}

type Hashed = Source & { readonly hex: string }

async function sourceOf(
  { from, path, stat }: FileToCopy,
  start: () => Promise<Hasher>,
  accept: (hex: string) => void,
  call: CallOptions,
): Promise<Hashed> {
  if (stat.size > SMALL_BYTES) return new StoredSource(from, path, stat, start, accept)
  const content = await readSmall(from, path, SMALL_BYTES, { ...call, ifMatch: stat.identity })
  const hasher = await start()
  hasher.update(content)
  const hex = hasher.hex()
  accept(hex)
  return { ...bufferSource(content), hex }
}

/** Undefined when it is not of this length. Throws StoreError, `missing` too. */
async function hexOf(
  store: Store,
  path: string,
  size: number,
  start: () => Promise<Hasher>,
  call: CallOptions,
): Promise<string | undefined> {
  let [length, hex] = [0, '']
  const consume = async (bytes: Bytes) => {
    const hasher = await start()
    length = 0
    for await (const chunk of bytes) {
      hasher.update(chunk)
      length += chunk.length
    }
    hex = hasher.hex()
  }
  await store.get(path, consume, call)
  return length === size ? hex : undefined
}

function sha256(): Hasher {
  const begun = createHash('sha256')
  return { update: (bytes) => begun.update(bytes), hex: () => begun.digest('hex') }
}

function corrupt({ traits }: Store, path: string, op: string, message: string): StoreError {
  return new StoreError({ kind: 'corrupt', op, where: `${traits.root}/${path}`, message })
}
