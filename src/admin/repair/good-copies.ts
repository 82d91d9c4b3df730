import type { Source } from '../../core/source.ts'
import type { OtherObjects } from '../../git/mend/plan.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Records } from './archive/recorded-keys.ts'

/** A place outside of the dataset that may have good copies of its keys. */
export interface GoodCopies {
  /** For people. */
  readonly where: string
  /**
   * The content of a key, as far as this place knows: whoever takes it reads back what became of
   * it. Undefined when it has none.
   */
  find(key: string, call: CallOptions): Promise<Source | undefined>
  /** git-annex's records, where there are such. */
  records?(call: CallOptions): Promise<Records | undefined>
  /**
   * git's objects of the dataset there; undefined when it has no repository that can be read.
   * Downloads are put into `work`, a directory of ours. Throws StoreError.
   */
  objects?(work: string, call: CallOptions): Promise<OtherObjects | undefined>
  /** Never rejects. */
  close(): Promise<void>
}
