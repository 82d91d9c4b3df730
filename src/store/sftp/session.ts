import type { Attributes, FileEntryWithStats, InputAttributes, OpenMode, SFTPWrapper, Stats } from 'ssh2'
import { StoreError } from '../../core/errors.ts'
import { isText } from '../../core/text.ts'
import type { ExecChannel, SftpChannel } from '../ssh/channel.ts'

type Callback<T> = (error: Error | null | undefined, value?: T) => void

/** What unanswered requests fail with when the connection or the SFTP session ends. */
export class ConnectionLost extends Error {
  constructor(cause: Error) {
    super(`connection lost: ${cause.message}`, { cause })
  }
}

/**
 * Used where a server does not say what it takes; every server has to take 32 KiB of data
 * (draft-ietf-secsh-filexfer-02, 3).
 */
const DEFAULT_DATA_BYTES = 32 * 1024

/**
 * SFTP's requests as promises that always settle: when the session ends, all that is unanswered is
 * rejected. Requests made in one turn go out together, and a server answers them in order. Paths
 * are absolute. Errors are StoreErrors without `op`'s context: see sftp-errors.ts.
 */
export class SftpSession {
  readonly #channel: SftpChannel
  readonly #sftp: SFTPWrapper
  readonly #pending = new Set<(error: Error) => void>()
  #ended: Error | undefined
  #corked = false
  /** Most content bytes of one READ or WRITE. */
  readonly dataBytes: number
  /** Whether the account runs commands; found out on first need. */
  shell: Promise<boolean> | undefined
  /**
   * The account's user id, once it is known: that of the files that we made, or what the account's
   * shell says.
   */
  uid: number | undefined

  constructor(channel: SftpChannel) {
    this.#channel = channel
    this.#sftp = channel.sftp
    // Not in ssh2's types: what the server told by limits@openssh.com.
    const { _maxReadLen = DEFAULT_DATA_BYTES, _maxWriteLen = DEFAULT_DATA_BYTES } = channel.sftp as {
      _maxReadLen?: number
      _maxWriteLen?: number
    }
    this.dataBytes = Math.min(_maxReadLen, _maxWriteLen)
    channel.closed.then((error) => this.#end(error))
  }

  get ended(): boolean {
    return this.#ended !== undefined
  }

  get exec(): ((command: string) => Promise<ExecChannel>) | undefined {
    return this.#channel.exec
  }

  /** Ends the session; what is under way fails with this error. */
  destroy(error: Error): void {
    this.#end(error)
    this.#channel.destroy()
  }

  open(path: string, flags: OpenMode, attributes: InputAttributes = {}): Promise<Buffer> {
    return this.#path(path, (callback) => this.#sftp.open(path, flags, attributes, callback))
  }

  closeHandle(handle: Buffer): Promise<void> {
    return this.#call((callback) => this.#sftp.close(handle, callback))
  }

  /** Reads up to `length` bytes into `buffer`; resolves with how many, 0 at the end of the file. */
  read(handle: Buffer, buffer: Buffer, length: number, position: number): Promise<number> {
    return this.#call((callback) =>
      this.#sftp.read(handle, buffer, 0, length, position, (error, count) => callback(error, count)),
    )
  }

  /** Writes at most `dataBytes`. The bytes are copied before it returns. */
  write(handle: Buffer, bytes: Uint8Array, position: number): Promise<void> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return this.#call((callback) => this.#sftp.write(handle, buffer, 0, buffer.length, position, callback))
  }

  fstat(handle: Buffer): Promise<Stats> {
    return this.#call((callback) => this.#sftp.fstat(handle, callback))
  }

  fchmod(handle: Buffer, mode: number): Promise<void> {
    return this.#call((callback) => this.#sftp.fsetstat(handle, { mode } as InputAttributes, callback))
  }

  stat(path: string): Promise<Stats> {
    return this.#path(path, (callback) => this.#sftp.stat(path, callback))
  }

  /** As `stat`, of the name itself, be it a link. */
  lstat(path: string): Promise<Stats> {
    return this.#path(path, (callback) => this.#sftp.lstat(path, callback))
  }

  /** What a symbolic link says. */
  readlink(path: string): Promise<string> {
    return this.#path(path, (callback) => this.#sftp.readlink(path, callback))
  }

  /** A path without links. */
  realpath(path: string): Promise<string> {
    return this.#path(path, (callback) => this.#sftp.realpath(path, callback))
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.#path(path, (callback) => this.#sftp.setstat(path, { mode } as InputAttributes, callback))
  }

  /** In seconds. */
  setTimes(path: string, atime: number, mtime: number): Promise<void> {
    return this.#path(path, (callback) => this.#sftp.setstat(path, { atime, mtime } as InputAttributes, callback))
  }

  mkdir(path: string, mode: number): Promise<void> {
    return this.#path(path, (callback) => this.#sftp.mkdir(path, { mode } as Attributes, callback))
  }

  rmdir(path: string): Promise<void> {
    return this.#path(path, (callback) => this.#sftp.rmdir(path, callback))
  }

  unlink(path: string): Promise<void> {
    return this.#path(path, (callback) => this.#sftp.unlink(path, callback))
  }

  /** SFTP's own rename: fails where the new name exists. */
  renameNew(from: string, to: string): Promise<void> {
    return this.#path(to, (callback) => this.#sftp.rename(from, to, callback))
  }

  /** Replaces `to` atomically; `unsupported` where the server lacks posix-rename@openssh.com. */
  renameOver(from: string, to: string): Promise<void> {
    return this.#path(to, (callback) => this.#sftp.ext_openssh_rename(from, to, callback))
  }

  /** Flushes a file to the disk; `unsupported` where the server lacks fsync@openssh.com. */
  fsync(handle: Buffer): Promise<void> {
    return this.#call((callback) => this.#sftp.ext_openssh_fsync(handle, callback))
  }

  /**
   * Free bytes for this user on the file system of a path; `unsupported` where the server lacks
   * statvfs@openssh.com.
   */
  async freeBytes(path: string): Promise<number> {
    const stats = await this.#path<{ f_bavail: number; f_frsize: number }>(path, (callback) =>
      this.#sftp.ext_openssh_statvfs(path, callback as never),
    )
    return stats.f_bavail * stats.f_frsize
  }

  openDirectory(path: string): Promise<Buffer> {
    return this.#path(path, (callback) => this.#sftp.opendir(path, callback))
  }

  /** The next few entries of a directory, or undefined at its end. */
  async readDirectory(handle: Buffer): Promise<readonly FileEntryWithStats[] | undefined> {
    try {
      return await this.#call<FileEntryWithStats[]>((callback) => this.#sftp.readdir(handle, callback))
    } catch (error) {
      if (error instanceof Error && (error as { code?: unknown }).code === 1) return undefined // SSH_FX_EOF
      throw error
    }
  }

  #path<T>(path: string, send: (callback: Callback<T>) => void): Promise<T> {
    if (!isText(path)) {
      const message = 'the name is not UTF-8, which SFTP through ssh2 cannot say'
      return Promise.reject(
        new StoreError({ kind: 'unsupported', op: 'sftp', where: path.toWellFormed(), message, sent: 'no' }),
      )
    }
    return this.#call(send)
  }

  #call<T>(send: (callback: Callback<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      this.#pending.add(reject)
      this.#cork()
      try {
        send((error, value) => {
          this.#pending.delete(reject)
          if (error) reject(isAnswer(error) ? error : new ConnectionLost(error))
          else resolve(value as T)
        })
      } catch (error) {
        this.#pending.delete(reject)
        reject(error)
      }
    })
  }

  /**
   * Requests that are made in one turn are written together: one system call here, one wake-up of
   * the server.
   */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#channel.output.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#channel.output.uncork()
    })
  }

  #end(error: Error): void {
    this.#ended ??= error instanceof StoreError ? error : new ConnectionLost(error)
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const reject of pending) reject(this.#ended)
  }
}

/** The server's own answers have a status code; ssh2's "no response" has none. */
function isAnswer(error: Error): boolean {
  return typeof (error as { code?: unknown }).code === 'number'
}
