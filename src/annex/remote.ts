import type { KeyRequest } from './messages.ts'
import type { Outcome } from './replies.ts'

/** One conversation with git-annex: what a remote may ask and say while it handles a request. */
export interface Job {
  /** Aborts when git-annex goes away. */
  readonly signal: AbortSignal
  /** A setting of the special remote; empty when it is not set. */
  getConfig(name: string): Promise<string>
  setConfig(name: string, value: string): void
  /**
   * A user and password that git-annex keeps for the remote under this name, in this repository or
   * (with embedcreds=yes) in the git-annex branch. Undefined when it has none. git-annex's --debug
   * shows them.
   */
  getCreds(name: string): Promise<Creds | undefined>
  /**
   * Gives git-annex a user, without white space, and a password, without line breaks, to keep. Only
   * during `initialize`.
   */
  setCreds(name: string, user: string, password: string): void
  getUuid(): Promise<string>
  /** The repository's git directory. */
  getGitDir(): Promise<string>
  /**
   * The git remote's name, or undefined where git-annex does not tell. Not during `initialize`:
   * older versions give up then.
   */
  getGitRemoteName(): Promise<string | undefined>
  /**
   * How many bytes of the content, from its start, were transferred. Call it as often as you like.
   */
  progress(bytes: number): void
  /** A line for the user. */
  info(message: string): void
  /** A line for `--debug`. */
  debug(message: string): void
}

export interface Creds {
  readonly user: string
  readonly password: string
}

export interface Setting {
  readonly name: string
  readonly description: string
}

/**
 * A special remote, as the protocol sees it. What a method rejects with is told to git-annex by the
 * table in replies.ts; "absent" is only ever said by `checkPresent` resolving with false.
 */
export interface SpecialRemote {
  /** The settings of `git annex initremote`. */
  readonly settings: readonly Setting[]
  initialize(job: Job): Promise<void>
  /** Called once, before all that follows. */
  prepare(job: Job): Promise<void>
  /** Must also succeed when the key is there. */
  store(job: Job, key: string, file: string): Promise<void>
  /** The file may hold a part of the content, or all of it. */
  retrieve(job: Job, key: string, file: string): Promise<void>
  checkPresent(job: Job, key: string): Promise<boolean>
  /** Must also succeed when the key is not there. */
  remove(job: Job, key: string): Promise<void>
  /**
   * Handles a request for a key without waiting, where that takes no longer than to wait would; a
   * promise where a part of it does. Undefined: nothing is said, and one of the methods above is to
   * be called. What it fails with is told as theirs is. Default: never.
   */
  atOnce?(request: KeyRequest): Outcome | Promise<Outcome> | undefined
  /** A place for people, or undefined. */
  whereis(job: Job, key: string): Promise<string | undefined>
  /** See git-annex's Config/Cost.hs: 100 is cheap, 200 expensive. */
  cost(job: Job): Promise<number>
  availability(job: Job): Promise<'GLOBAL' | 'LOCAL'>
  info(job: Job): Promise<readonly (readonly [name: string, value: string])[]>
  /** Ends connections and removes temporary files. Never rejects. */
  close(): Promise<void>
}
