import type { Sharing, Stat } from './attributes.ts'

/** As PutOptions has them. */
export interface PutAtOnceOptions {
  readonly temporary?: string | undefined
  readonly within?: string | undefined
  readonly sharing?: Sharing | undefined
}

/**
 * The plain cases of a store on a disk of this machine, by calls that are over when they return:
 * the way through promises, clocks and wrappers takes longer than they do. Whatever is not plain
 * (a link, a directory that may not be written to, an error) is undefined, or false, which proves
 * nothing: then the store's own methods are to be called, and tell. Nothing here throws.
 */
export interface AtOnce {
  /** What `statAll` gives. */
  statAll(paths: readonly string[]): readonly (Stat | undefined)[] | undefined
  /** The content of a file that has exactly so many bytes. */
  read(path: string, size: number): Uint8Array | undefined
  /**
   * `put`. A promise where the file has its place and a directory is yet to be flushed, by a slow
   * disk; it rejects with a StoreError when that fails.
   */
  put(path: string, content: Uint8Array, options: PutAtOnceOptions): Stat | Promise<Stat> | undefined
  /** `remove`. False: something is left to do, or to tell. */
  remove(path: string, pruneParents: number): boolean
}
