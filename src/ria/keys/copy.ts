import type { Archive, Member } from '../../archive/archive.ts'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Key } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import type { Store } from '../../store/store.ts'

/** One copy of a key's content in a store. */
export interface Copy {
  /** For people. */
  readonly where: string
  /** The file that is the whole content; undefined when that is only a part of a file. */
  readonly path?: string | undefined
  /**
   * Streams the content from `start` on. `consume` may be called again after a retry, from what
   * `start` is then. Rejects with StoreError: `missing` or `conflict` when the copy was moved away
   * or replaced, `corrupt` when it is damaged.
   */
  read(consume: CopyConsumer, options: CopyReadOptions): Promise<void>
}

export type CopyConsumer = (bytes: Bytes, content: CopyContent) => Promise<void>

export interface CopyContent {
  /** Length in bytes. */
  readonly size: number
  /** Changes when the content is replaced. */
  readonly identity: string
  /** Why `size` may not be the content's own length. */
  readonly doubt?: string | undefined
}

/**
 * The error for a copy that has not the length of its key. It is `corrupt`, unless the length that
 * came is in doubt: nobody shall take a good copy for a damaged one and remove it.
 */
export function wrongLength(op: string, where: string, { size, doubt }: Omit<CopyContent, 'identity'>, key: Key) {
  if (doubt !== undefined) {
    const message = `${doubt}: what came has ${size} bytes, the key ${key.size}`
    return new StoreError({ kind: 'unsupported', op, where, message })
  }
  const message = `the copy is damaged: it has ${size} bytes, the key ${key.size}`
  return new StoreError({ kind: 'corrupt', op, where, message })
}

export interface CopyReadOptions {
  /** In bytes; asked anew at each attempt. */
  readonly start: () => number
  readonly signal?: AbortSignal | undefined
}

/** A key that is a file of its own. `size`: its length in bytes, where that is known. */
export function looseCopy(store: Store, path: string, size: number | undefined): Copy {
  return {
    where: `${store.traits.root}/${path}`,
    path,
    read: (consume, { start, signal }) =>
      store.get(path, consume, {
        range: () => {
          const from = start()
          return from === 0 ? undefined : { start: from }
        },
        expectedSize: size,
        signal,
      }),
  }
}

/** A key that is a member of the dataset's archive. */
export function archivedCopy(where: string, archive: Archive, member: Member): Copy {
  const content = { size: member.size, identity: archive.stat.identity }
  return {
    where: `${where}: ${member.name}`,
    read: (consume, options) => archive.read(member, (bytes) => consume(bytes, content), options),
  }
}

/**
 * Reads a copy. Throws `missing` when it is not there any more, `corrupt` when it is damaged, and
 * whatever stood in the way.
 */
export type ReadCopy = (copy: Copy) => Promise<void>

/**
 * Has `read` read the first good one of some copies. False when none is there (any more); throws
 * `corrupt` when what is there is damaged.
 */
export async function readAny(copies: readonly Copy[], read: ReadCopy): Promise<boolean> {
  let damaged: StoreError | undefined
  for (const copy of copies) {
    try {
      await read(copy)
      return true
    } catch (error) {
      if (!isStoreError(error, 'missing', 'corrupt')) throw error
      if (error.kind === 'corrupt') damaged ??= error
    }
  }
  if (damaged !== undefined) throw damaged
  return false
}

/** So often a key or an archive may be moved or replaced while we look before that is an error. */
export const TRIES = 5

/**
 * Does `work` again when it ends with a `conflict`: what it had found was moved or replaced before
 * it could be read.
 */
export async function whileMoving<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isStoreError(error, 'conflict') || tries === TRIES) throw error
    }
  }
}
