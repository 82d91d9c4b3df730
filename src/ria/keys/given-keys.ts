import type { Bytes } from '../../core/source.ts'

/**
 * Keys from elsewhere that are to be put into an archive. They are known by their numbers, for
 * there may be a million of them.
 */
export interface GivenKeys {
  /** Higher than any number. */
  readonly limit: number
  /** Of those that are to be put: the same ones in the same order each time. */
  numbers(): Iterable<number>
  /** The key. Its name has a checksum. */
  text(number: number): string
  /** Length in bytes. */
  size(number: number): number
  /**
   * Its content, whole where it is small. Throws, or ends in, a StoreError `corrupt` unless that is
   * the key's, `missing` when there is none any more.
   */
  read(number: number, signal: AbortSignal | undefined): Uint8Array | Bytes
}
