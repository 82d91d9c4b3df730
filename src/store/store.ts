import type { Bytes, Source } from '../core/source.ts'
import type { AtOnce } from './at-once.ts'
import type { Sharing, Stat } from './attributes.ts'
import type { CallOptions } from './call-options.ts'
import type { ExecOptions, ExecResult } from './exec.ts'
import type { FileHeaders } from './file-headers.ts'
import type { Keeping, OldVersions } from './keeping.ts'
import type { Thaw, ThawOptions } from './thaw.ts'

/**
 * Where the bytes of a RIA store live. Every backend and every wrapper is one of these, held to
 * test/conformance/; the comments here are the contract.
 *
 * Paths are relative to the store's root, in POSIX form, without `.`, `..`, empty parts or a
 * leading slash. They are strings decoded by core/text.ts, so a file name that is not UTF-8
 * survives (a backend that cannot say such a name throws `unsupported`).
 *
 * Every method rejects with a StoreError and nothing else, and soon after its signal aborts
 * (`aborted`); only a `get` waits for a consumer that is at work, so that nobody else writes to its
 * file meanwhile.
 */
export interface Store {
  readonly traits: StoreTraits

  /**
   * Looks a file up. `undefined` means proven absent: the backend itself said that there is no such
   * file. Not being able to look is an error, never `undefined`. A directory is not a file: it
   * counts as absent.
   */
  stat(path: string, options?: CallOptions): Promise<Stat | undefined>

  /**
   * Looks several files up in this order: each look begins after the one before it has ended, so
   * that a file on its way from an earlier path to a later one is seen. One failure is the failure
   * of all. Costs one round trip where `traits.looksTogether`.
   */
  statAll(paths: readonly string[], options?: CallOptions): Promise<readonly (Stat | undefined)[]>

  /**
   * Reads a file, or a range of it. `consume` gets the bytes and the file's Stat; it may be called
   * again from the start of the range after a retry, so it must be able to begin anew. Resolves
   * only after exactly the asked bytes were consumed: a short file is `corrupt`, and so is a
   * consumer that stopped early without an error; a missing file is `missing`. What `consume`
   * throws is passed on unchanged.
   */
  get(path: string, consume: Consumer, options?: GetOptions): Promise<void>

  /**
   * Reads small files whole, in this order and with less ado than `get`: one try for each, and the
   * caller checks what comes. What does not come proves nothing; `get` says what is wrong, or reads
   * it after all. Rejects when it is aborted or stalls, and gives nothing more then. Only where
   * `get` takes much longer than to read so little.
   */
  readonly getSmall?: ((files: readonly SmallFile[], options: GetSmallOptions) => Promise<void>) | undefined

  /**
   * Stores a file, replacing what is there. All or nothing: before it resolves, nobody sees the new
   * content; after it resolves, the content is whole (length checked, flushed as far as the backend
   * can) and `stat` sees it. Parent directories are made. On failure no temporary file is left
   * behind if the backend can still be reached. A source that gives fewer or more bytes than its
   * size is `corrupt` and changes nothing. What a source throws comes out as a StoreError with that
   * as its `cause`; a StoreError comes out unchanged.
   */
  put(path: string, source: Source, options?: PutOptions): Promise<Stat>

  /** Removes a file. Absent is success. */
  remove(path: string, options?: RemoveOptions): Promise<void>

  /**
   * Removes files with one request for many of them, each as `remove` does. Only where there is
   * such a request: callers use removeFiles (remove-files.ts), which works everywhere. When it
   * rejects, some may be gone.
   */
  readonly removeAll?: ((paths: readonly string[], options?: CallOptions) => Promise<void>) | undefined

  /**
   * Tells whether a file lies in cold storage, from where it has to be asked back before it can be
   * read, and with `ask` asks. `undefined` as `stat` has it. Only where there is such storage.
   */
  readonly thaw?: ((path: string, options?: ThawOptions) => Promise<Thaw | undefined>) | undefined

  /** What the server keeps of what is replaced or removed. Only where a server can keep it. */
  readonly keeping?: ((options?: CallOptions) => Promise<Keeping>) | undefined

  /**
   * Removes for good what the server kept of files below a directory that were removed or replaced;
   * what a listing shows stays. What it does not let go is counted. Only where there is `keeping`.
   */
  readonly removeOld?: ((directory: string, options?: CallOptions) => Promise<OldVersions>) | undefined

  /**
   * Lists the files below a directory, in no particular order, as a stream. A missing directory has
   * none. Temporary files (their names: temporary.ts) are files too: a caller that looks for
   * content skips them.
   */
  list(directory: string, options?: ListOptions): AsyncIterable<Entry>

  /**
   * Lists what is directly in a directory, in no particular order, as a stream: its files as `list`
   * does, and the directories in it without what is in them. Costs as much as that directory alone.
   * A missing directory has nothing in it. Whether an empty directory is named is up to the
   * backend: object stores have none.
   */
  children(directory: string, options?: CallOptions): AsyncIterable<Child>

  /**
   * Adds bytes to the end of a small file (a log), making it when it is missing. Not atomic.
   * `unsupported` where there is no append.
   */
  append(path: string, content: Uint8Array, options?: PutOptions): Promise<void>

  /**
   * Renames a file, replacing what is there; whoever looks sees the old content or the new one. The
   * directory must exist, unless `within` lets it be made. Flushed as far as the backend can,
   * unless `flush` is false. `missing` when there is no `from`; `unsupported` where the backend
   * cannot rename.
   */
  move(from: string, to: string, options?: MoveOptions): Promise<void>

  /**
   * Free space for files below a directory, or where it would be, in bytes. Undefined where the
   * backend does not say.
   */
  freeBytes(directory: string, options?: CallOptions): Promise<number | undefined>

  /**
   * Runs a program where the store lies, in the directory `cwd`; its arguments mean what they say,
   * no shell touches them. Resolves when it ended, whatever its exit code. `unsupported` where no
   * program can be run, which only the first try may find out (`traits.exec`); `unreachable` when
   * it cannot be known how it ended.
   */
  exec(command: readonly string[], options: ExecOptions): Promise<ExecResult>

  /** The plain cases of some of these calls, without waiting; for a disk of this machine. */
  readonly atOnce?: AtOnce | undefined

  /** Ends connections, removes temporary files of our own. Calls under way fail. Never rejects. */
  close(): Promise<void>
}

/** What a backend can do, as data: nobody asks which class it is. */
export interface StoreTraits {
  /**
   * For people: `ssh://host/path` without credentials, `/path` for a disk. Joined with a path it
   * names a file.
   */
  readonly root: string
  /** On this machine's own file system. */
  readonly local: boolean
  readonly writable: boolean
  /** `get` with a range costs no more than the range. */
  readonly rangeReads: boolean
  readonly putIfAbsent: 'atomic' | 'none'
  /**
   * It is a server's promise that keeps `putIfAbsent`, and some do not keep it when several store a
   * file at once. Default: the system sees to it.
   */
  readonly conditionalPuts?: boolean
  /** How many calls may usefully be under way at once. */
  readonly maxInFlight: number
  /**
   * `statAll` costs hardly more than one `stat`: look everything up at once. May change while the
   * store is open.
   */
  readonly looksTogether: boolean
  /** Programs can be run there; over SSH, as long as the account is not found to have no shell. */
  readonly exec: boolean
  /**
   * `move` is a copy and then a removal: there is a time at which both are there, so it makes no
   * lock. Default: it is one step.
   */
  readonly moveCopies?: boolean
  /**
   * `move` renames a directory, too, with all that is in it, when it is told that it is one.
   * Default: only files.
   */
  readonly movesDirectories?: boolean
  /**
   * There are no directories, only names that begin alike: to list a whole tree costs less than
   * each of its parts. Default: there are.
   */
  readonly flat?: boolean
}

export type { Sharing, Stat } from './attributes.ts'
export type { CallOptions } from './call-options.ts'
export type { ExecOptions, ExecResult } from './exec.ts'
export type { Thaw, ThawOptions, ThawRequest } from './thaw.ts'

export interface GetOptions extends CallOptions {
  /**
   * A function is asked anew at each attempt, so that a retry can go on where the last one ended.
   */
  readonly range?: ByteRange | (() => ByteRange | undefined) | undefined
  /** Fail with `conflict` unless the file's `identity` is this. */
  readonly ifMatch?: string | undefined
  /**
   * These few bytes, from the file's beginning on, say what all of it is, as the head of a 7z
   * archive does: a file of this length that begins so is this one. By them a backend knows a file
   * again whose servers tell of it by different identities.
   */
  readonly fingerprint?: boolean | undefined
  /**
   * How long the file has to be, in bytes, for servers that do not say how long it is: then all of
   * it is read, and one that ends elsewhere is an error, though never a damaged one.
   */
  readonly expectedSize?: number | undefined
  /** It is one line of text: for such servers it is whole when it ends with its only newline. */
  readonly isLine?: boolean | undefined
}

/** A file that `getSmall` is asked for. */
export interface SmallFile {
  readonly path: string
  /** How long it has to be. Bytes. */
  readonly size: number
}

export interface GetSmallOptions extends CallOptions {
  /** Files that are asked for at once. */
  readonly atOnce: number
  /**
   * Gets the content of each file that came, by its place in the list. It may not throw: there is
   * nobody to tell.
   */
  readonly onContent: (index: number, content: Uint8Array) => void
}

/**
 * From `start`, inclusive, to `end`, exclusive; both in bytes; without `end` to the end of the
 * file.
 */
export interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

export type Consumer = (bytes: Bytes, stat: Stat) => Promise<void>

export interface PutOptions extends CallOptions {
  /** Fail with `conflict` when a file is there. Needs `traits.putIfAbsent === 'atomic'`. */
  readonly ifAbsent?: boolean | undefined
  /**
   * Directory for the temporary file, on the same file system. Default: beside the target. Object
   * stores need none. A backend may keep empty files of its own there (their names: temporary.ts),
   * ready for the next upload, until it is closed.
   */
  readonly temporary?: string | undefined
  /**
   * Make missing directories only below this one. When it is gone too, the call fails with
   * `missing`: so nothing is written beneath an empty mount point. Object stores ignore it.
   * Default: the store's root, which is made.
   */
  readonly within?: string | undefined
  /**
   * Sharing between users of one group, as git's core.sharedRepository has it. Object stores ignore
   * it.
   */
  readonly sharing?: Sharing | undefined
  /**
   * Without `sharing`: who may read the file at most, as bits of a POSIX mode (0o440); the umask
   * still counts. Object stores ignore it.
   */
  readonly readers?: number | undefined
  /**
   * The time of the last change that the file shall have, in ms, where the backend can set one; the
   * Stat that comes back tells. SFTP cuts it to seconds. Default: now.
   */
  readonly mtimeMs?: number | undefined
  /** What an object store says of the file to whoever asks by HTTP. Other backends ignore it. */
  readonly headers?: FileHeaders | undefined
}

export interface RemoveOptions extends CallOptions {
  /** Remove up to so many parent directories if they are then empty. Object stores have none. */
  readonly pruneParents?: number | undefined
}

export interface MoveOptions extends CallOptions {
  /**
   * Remove up to so many parent directories of what was renamed if they are then empty. Object
   * stores have none.
   */
  readonly pruneParents?: number | undefined
  /**
   * Make missing directories of the target, but only below this one. Default: none are made. Object
   * stores ignore it.
   */
  readonly within?: string | undefined
  readonly sharing?: Sharing | undefined
  /**
   * It is a directory, which `traits.movesDirectories` allows: `conflict` where there is one with
   * something in it already. Default: a file.
   */
  readonly isDirectory?: boolean | undefined
  /**
   * Default true. False where it does not matter whether it is still renamed after the machine lost
   * power.
   */
  readonly flush?: boolean | undefined
}

export interface ListOptions extends CallOptions {
  /**
   * Symbolic links are entries, too, if the backend has any and no program can be run there that
   * would tell them (`traits.exec`). Default: they are left out.
   */
  readonly links?: boolean | undefined
}

export interface Entry extends Stat {
  readonly path: string
  /** Of a symbolic link: what it says. */
  readonly target?: string
  /** Undefined where the backend does not tell, or has none. */
  readonly permissions?: Permissions | undefined
}

/** A file, or a directory, in the directory that was listed. */
export interface Child {
  readonly path: string
  /** Undefined: it is a directory. */
  readonly file: Entry | undefined
}

/** Who owns a file, by numbers, and its POSIX mode without the kind of file. */
export interface Permissions {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}
