import type { Checksum } from '../../core/checksum.ts'

/** A key as the cache needs it. */
export interface KeySource {
  /** Tells it from all others: two of the same name have the same content. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Undefined where the key has none: then only the length is known. */
  readonly checksum: Checksum | undefined
  /**
   * Gives the bytes of a range to `write`, in order. Throws StoreError; `missing` when the key is
   * proven absent.
   */
  read(
    range: { readonly start: number; readonly end: number },
    write: (chunk: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
  /** The error for a content that has not the checksum. */
  damaged(): Error
}
