import type { Sharing } from '../../store/store.ts'
import type { KeyCounts } from './count-keys.ts'

/** What is known of a dataset without a clone of it. */
export interface DatasetFacts {
  readonly id: string
  /** `~name`s, sorted. */
  readonly aliases: readonly string[]
  /** What people call it: see name.ts. */
  readonly name: string | undefined
  /** The newest commit of its branches, git-annex's own aside. */
  readonly newest: NewestCommit | undefined
  /** How many branches it has, git-annex's own aside. */
  readonly branches: number
  /** The version in its layout file. */
  readonly layout: string | undefined
  readonly sharing: Sharing | undefined
  /** Who owns it, by numbers; undefined where the backend does not tell. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
  /** Its subdatasets, by the ids that .gitmodules has; only where that was asked for. */
  readonly subdatasets: readonly Subdataset[] | undefined
  /** Only where that was asked for. */
  readonly keys: KeyCounts | undefined
  /** What could not be read, in one line each. */
  readonly problems: readonly string[]
}

export interface NewestCommit {
  readonly id: string
  /** Without `refs/heads/`. */
  readonly branch: string
  /** In ms since 1970. */
  readonly committedMs: number
}

export interface Subdataset {
  readonly path: string
  readonly id: string
}
