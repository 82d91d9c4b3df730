/** What a server keeps of files that are replaced or removed, as far as it lets us know. */
export interface Keeping {
  /**
   * `suspended`: it was on once, and what was kept then still is. Undefined: we may not look, or
   * the server does not say.
   */
  readonly versioning: 'on' | 'suspended' | 'off' | undefined
  /** Whether what is kept can be locked there for a time. Undefined as above. */
  readonly objectLock: 'on' | 'off' | undefined
  /** How whatever is written is locked without being asked for: `GOVERNANCE, 30 days`. */
  readonly lockedByDefault?: string | undefined
}

/** What was kept of files that are no more, or are others now. */
export interface OldVersions {
  readonly removed: number
  /** Of those that were removed. Bytes. */
  readonly bytes: number
  /** Those that are still there, as a listing afterwards has it. */
  readonly left: number
  /** Why, in words. */
  readonly why?: string | undefined
}
