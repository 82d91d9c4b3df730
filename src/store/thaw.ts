import type { CallOptions } from './call-options.ts'

/** How a file is asked back from cold storage. */
export interface ThawRequest {
  /** For so many days it can be read then. */
  readonly days: number
  /** `Standard`, `Bulk`, which costs less and takes longer, or `Expedited`. */
  readonly tier: string
}

export interface ThawOptions extends CallOptions {
  /** Default: nothing is asked for. */
  readonly ask?: ThawRequest | undefined
}

/** Where a file is. */
export interface Thaw {
  /** It can be read; it cannot; or it was asked back, and will be here later. */
  readonly state: 'here' | 'cold' | 'thawing'
  /** Length in bytes. */
  readonly size: number
  /** What the server calls the place where it lies. */
  readonly place: string | undefined
  /** It was asked back by this call. */
  readonly asked?: boolean | undefined
  /** How long it takes at most until it is here, in words. */
  readonly takes?: string | undefined
}
