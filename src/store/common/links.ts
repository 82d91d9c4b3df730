import type * as fs from 'node:fs'
import { StoreError } from '../../core/errors.ts'

/**
 * Which symbolic links in a store are followed, on a disk as over SFTP. Several people may write to
 * a store, and whoever follows a link of somebody else does with his own power what that one points
 * at. docs/security.md tells it to users.
 */
export interface Access {
  /** What is being done, as a StoreError has it. */
  readonly op: string
  /**
   * Something is changed, or what is read will be given to others: then only links of root and of
   * our own are followed. Otherwise also those of the owner of the directory that holds them, who
   * could have put anything else there just as well.
   */
  readonly strict: boolean
}

/** User ids of a link, of the directory that holds it, and of us; undefined: not known. */
export interface LinkOwners {
  readonly link: number | undefined
  readonly directory: number | undefined
  readonly us: number | undefined
}

/** Throws StoreError `denied` unless a link may be followed. `where` is the link's path. */
export function requireTrusted({ link, directory, us }: LinkOwners, { op, strict }: Access, where: string): void {
  if (link !== undefined && (link === 0 || link === us || (!strict && link === directory))) return
  const whose = link === undefined ? 'of an unknown user' : `of user ${link}`
  const followed = strict
    ? `only links of root and of our own${us === undefined ? '' : ` (user ${us})`} are`
    : "only links of root, of our own and of the directory's owner are"
  const message = `it is a symbolic link ${whose}, which is not followed: ${followed}`
  throw new StoreError({ kind: 'denied', op, where, message, sent: 'no' })
}

/** More links on the way to one file are a circle, as for Linux. */
export const MAX_LINKS = 40

export function tooManyLinks({ op }: Access, where: string): StoreError {
  return new StoreError({ kind: 'denied', op, where, message: 'too many symbolic links', sent: 'no' })
}

/**
 * The dataset that a link in `alias/` names, as a path in the store: `../abc/def-…`, or the same
 * below one of `roots`. Such a link is followed whosever it is: it leads to what the store has
 * anyway.
 */
export function aliasTarget(target: string, roots: readonly string[]): string | undefined {
  const root = roots.find((each) => target.startsWith(`${each}/`))
  const inside = root === undefined ? /^\.\.\/(.*)$/s.exec(target)?.[1] : target.slice(root.length + 1)
  const [, first, rest] = /^([^/]{3})\/([^/]+)\/?$/s.exec(inside ?? '') ?? []
  if (first === undefined || rest === undefined || rest === '.' || rest === '..' || first === '...') return undefined
  return `${first}/${rest}`
}

type Kind = Pick<fs.Stats, 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice'>

/**
 * For what is neither a regular file nor a directory: it is not a file, and to open it may never
 * end.
 */
export function notAFile(stats: Kind, op: string, where: string): StoreError {
  const what = stats.isFIFO()
    ? 'a FIFO'
    : stats.isSocket()
      ? 'a socket'
      : stats.isBlockDevice() || stats.isCharacterDevice()
        ? 'a device'
        : 'something'
  return new StoreError({ kind: 'unsupported', op, where, message: `it is ${what}, no regular file`, sent: 'no' })
}
