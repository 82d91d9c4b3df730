import type { Bytes } from '../../core/source.ts'
import type { FindOptions } from '../seven-zip/find.ts'

/**
 * One step of unpacking: a method with its properties, as the end header of a 7z archive gives it.
 */
export interface Coder {
  /** The method's id as hex digits, two a byte: `030101` is LZMA. */
  readonly method: string
  readonly properties: Uint8Array
  /** Number of streams that go into the decoder; 1 but for BCJ2, which has 4. */
  readonly inputs: number
  readonly outputs: number
  /** Length of its first output, in bytes. */
  readonly unpackedSize: number
}

/**
 * What 7z packs together: one stream of content, unpacked by a network of coders. Inputs and
 * outputs are numbered through over all coders, in their order. A bind leads an output into an
 * input; the inputs that none leads to are the packed streams.
 */
export interface Folder {
  readonly coders: readonly Coder[]
  readonly binds: readonly { readonly input: number; readonly output: number }[]
  /** The input that each packed stream goes into. */
  readonly packedInputs: readonly number[]
  /** Length of the content, in bytes. */
  readonly unpackedSize: number
  /** CRC-32 of the content, when the archive has one. */
  readonly crc: number | undefined
}

/**
 * Opens the packed stream with this index (an index of `Folder.packedInputs`), from its start to
 * its end. Each is opened once at most, in their order, and the next only when the one before was
 * read to its end: no call needs two places of a Store at once. A stream is also read to its end
 * when its decoder needs no more. Errors come out unchanged.
 */
export type PackedStreams = (index: number) => Bytes

export interface DecodeOptions {
  /** What is read, for errors: the archive, or a member of it. */
  readonly where: string
  /** Length of each packed stream, in bytes. */
  readonly packedSizes: readonly number[]
  readonly signal?: AbortSignal | undefined
  /**
   * Largest folder, packed or unpacked, that is unpacked in memory where the decoder cannot stream
   * (LZMA, LZMA2). Default 8 MiB, without a 7-Zip program 64 MiB. Up to three times as much is
   * used.
   */
  readonly maxMemoryBytes?: number | undefined
  /** Largest temporary file for the 7-Zip program. Default 4 GiB. */
  readonly maxTemporaryBytes?: number | undefined
  /** Directory for temporary files. Default: that of the system. */
  readonly temporaryDirectory?: string | undefined
  /** Ends a 7-Zip program that is silent for so long while we wait for it. Default 120 000 ms. */
  readonly stallMs?: number | undefined
  /** Where to look for the 7-Zip program. */
  readonly programs?: FindOptions | undefined
}
