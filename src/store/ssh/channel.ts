import type { Duplex, Writable } from 'node:stream'
import type { SFTPWrapper } from 'ssh2'

/** An SFTP version 3 session with a server, however it was reached. */
export interface SftpChannel {
  readonly sftp: SFTPWrapper
  /**
   * Starts a command on the server in the same connection; undefined where that would need a new
   * one.
   */
  readonly exec: ((command: string) => Promise<ExecChannel>) | undefined
  /** Resolves, with the reason, when the session is over; nothing more will be answered then. */
  readonly closed: Promise<Error>
  /**
   * Where its requests are written: corked while several are made at once, so that they leave
   * together.
   */
  readonly output: Pick<Writable, 'cork' | 'uncork'>
  /** Ends it at once. */
  destroy(): void
}

/** A command's stdin and stdout. */
export interface ExecChannel {
  readonly stream: Duplex
  /**
   * The exit code, once the command ended; undefined when the connection or the command died
   * without one.
   */
  readonly exit: Promise<number | undefined>
  /** The last of what it said on stderr. */
  stderr(): string
}
