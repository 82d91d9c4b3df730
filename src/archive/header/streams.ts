import type { Digests } from './bits.ts'
import type { FolderDescription } from './folder-description.ts'

/**
 * Where the packed streams lie, and how they were packed. Typed arrays: there may be millions of
 * each.
 */
export interface StreamsInfo {
  /** Of the first packed stream, from the end of the signature header; the others follow it. */
  readonly packPosition: number
  readonly packSizes: Float64Array
  readonly folders: Folders
  readonly members: Substreams
}

export interface Folders {
  readonly count: number
  readonly descriptions: readonly FolderDescription[]
  /** Which of the descriptions a folder has. */
  readonly described: Uint16Array
  /** Of every coder's output, folder after folder; bytes. */
  readonly unpackSizes: Float64Array
  /** Of the folder's content. */
  readonly digests: Digests | undefined
}

/** The members with content, in the order of their folders. */
export interface Substreams {
  /** How many a folder has; undefined: each has one. */
  readonly counts: Uint32Array | undefined
  readonly sizes: Float64Array
  readonly digests: Digests
}

export const NO_STREAMS: StreamsInfo = {
  packPosition: 0,
  packSizes: new Float64Array(0),
  folders: {
    count: 0,
    descriptions: [],
    described: new Uint16Array(0),
    unpackSizes: new Float64Array(0),
    digests: undefined,
  },
  members: { counts: undefined, sizes: new Float64Array(0), digests: { defined: undefined, crcs: new Uint32Array(0) } },
}
