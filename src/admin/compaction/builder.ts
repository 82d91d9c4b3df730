import type { Level, Names } from '../../archive/seven-zip/seven-zip.ts'
import type { CallOptions, Permissions, Sharing, Stat, Store } from '../../store/store.ts'
import type { SomeKeys } from './loose-table.ts'

/** What a new archive is to be made of. */
export interface Work {
  readonly store: Store
  readonly directory: string
  /** Path of the new archive in the store. */
  readonly temporary: string
  /** The archive whose members are carried over, but for those in `drop`. */
  readonly old: Stat | undefined
  readonly drop: Names
  readonly add: SomeKeys
  readonly level: Level
  readonly sharing?: Sharing | undefined
  /** What the new archive shall have, before `sharing`; undefined where the backend has none. */
  readonly permissions: Permissions | undefined
}

export interface BuildOptions extends CallOptions {
  /** Between 0 and 1. */
  readonly onPart?: ((part: number) => void) | undefined
}

/**
 * Makes the new archive beside the old one with 7z: on this machine's disk, on the server, or here
 * with bytes brought from and to the server. A key that is not there any more when 7z comes to it
 * is left out, without an error.
 */
export interface Builder {
  readonly kind: 'disk' | 'server' | 'client'
  /** Of the new archive, in the store. */
  readonly path: string
  /** Checks that there is room. Throws `full` before anything is written. */
  checkSpace(options?: CallOptions): Promise<void>
  build(options?: BuildOptions): Promise<void>
  /** Places of keys that were not there, or not as they were listed, when it came to them. */
  readonly missed: ReadonlySet<string>
  /** Takes members out of the new archive. */
  remove(members: Names, options?: CallOptions): Promise<void>
  /** Flushes the new archive and sets its mode. */
  finish(options?: CallOptions): Promise<void>
  /** Removes what it made, the new archive too unless it was moved away. Never rejects. */
  discard(): Promise<void>
}
