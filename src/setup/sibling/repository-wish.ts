/** The layout version of a dataset that is made: keys under the mixed-case hash directories. */
export const NEW_LAYOUT = '2\n'

/** What a dataset's directory in a store shall be. */
export interface RepositoryWish {
  /** A bare git repository is wanted, not keys alone. */
  readonly git: boolean
  /** Keys will lie in it. */
  readonly annex: boolean
  /** Of the storage sibling: DataLad looks for it in a clone. */
  readonly uuid: string | undefined
  /** As `git init --shared` has it. */
  readonly shared: string | undefined
  readonly group: string | undefined
  /** Have git keep what the readers of a plain web server need. */
  readonly hook: boolean
  /** What HEAD of a new repository points to; undefined: what git takes. */
  readonly branch: string | undefined
  /** Nothing may be there yet. */
  readonly isNew: boolean
  /** Name of a file that is in the directory for as long as it is new, and made by us. */
  readonly token: string
}
