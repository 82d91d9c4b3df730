import type { Source } from '../../core/source.ts'
import type { CallOptions } from '../../store/store.ts'

/** A place outside of the dataset that may have good copies of its keys. */
export interface GoodCopies {
  /** For people. */
  readonly where: string
  /**
   * The content of a key, as far as this place knows: whoever takes it reads back what became of
   * it. Undefined when it has none.
   */
  find(key: string, call: CallOptions): Promise<Source | undefined>
  /** Never rejects. */
  close(): Promise<void>
}
