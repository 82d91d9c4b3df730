/** The inner parts of unbzip2-stream 1.4.3, which has no types for them. */
declare module 'unbzip2-stream/lib/bzip2.js' {
  type ReadBits = (count: number | null) => number
  const bzip2: {
    /** Reads the start of a stream; gives its block size in units of 100,000 bytes. */
    header(bits: ReadBits): number
    /**
     * Unpacks one block, byte by byte, into `put`; gives the stream's CRC so far, or null at its
     * end.
     */
    decompress(
      bits: ReadBits,
      put: (byte: number) => void,
      buffer: Int32Array,
      bufferSize: number,
      streamCrc: number,
    ): number | null
  }
  export default bzip2
}

declare module 'unbzip2-stream/lib/bit_iterator.js' {
  /** Reads bits from the buffers that `next` gives. */
  export default function bitIterator(
    next: () => Uint8Array | undefined,
  ): ((count: number | null) => number) & { readonly bytesRead: number }
}
