/**
 * What core.sharedRepository asks for. `mode` undefined: leave modes to the umask. `force`: exactly
 * `mode` (git's 0xxx form), else `mode` is added to what the umask gave. Directories also get
 * search bits and the set-group-id bit.
 */
export interface Sharing {
  readonly mode: number
  readonly force: boolean
}

export interface Stat {
  /** Length in bytes. */
  readonly size: number
  /** Last change, in ms since 1970, by the backend's clock; undefined where it does not say. */
  readonly mtimeMs: number | undefined
  /**
   * Changes when the content is replaced: an ETag, or size and mtime. Where a backend has nothing
   * finer than seconds (SFTP), a replacement of the same size within the same second is not
   * noticed.
   */
  readonly identity: string
  /**
   * Why `size` may not be the length of the file itself, in words that read well in an error: the
   * server packed what it sends. A file that then has the right length is as good as any; of one
   * that has not, nothing is known.
   */
  readonly doubt?: string | undefined
}
