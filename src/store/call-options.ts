export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /**
   * Called when the backend got further. `bytes` is the number of content bytes so far in this
   * attempt; it may repeat.
   */
  readonly onProgress?: ((bytes: number) => void) | undefined
  /**
   * What is read will be packed, removed or given to others: on the way only those symbolic links
   * are followed that every change follows (links.ts). Default: also those of the owner of the
   * directory that holds them. Only a disk and a server with SFTP have any.
   */
  readonly strictLinks?: boolean | undefined
  /**
   * Called when the backend waits for a step that may take so long without a sign of life, in ms;
   * what it returns is called when that is over.
   */
  readonly onSilence?: ((ms: number) => () => void) | undefined
  /**
   * Called each time that something is about to be changed, as near to the act as the backend can:
   * what it throws is thrown, and nothing is changed. For those who may change something only as
   * long as they know something (a lock is theirs, say). Only remove, removeAll, move and put heed
   * it.
   */
  readonly mayChange?: (() => void) | undefined
}
