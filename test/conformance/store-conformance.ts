import { describe } from 'vitest'
import { aborting } from './suite/aborting.ts'
import { createBench, type SetUp } from './suite/bench.ts'
import { closing } from './suite/closing.ts'
import { consuming } from './suite/consuming.ts'
import { listing } from './suite/listing.ts'
import { looking } from './suite/looking.ts'
import { moving } from './suite/moving.ts'
import { naming } from './suite/naming.ts'
import { racing } from './suite/racing.ts'
import { ranges } from './suite/ranges.ts'
import { reading } from './suite/reading.ts'
import { refusing } from './suite/refusing.ts'
import { removing } from './suite/removing.ts'
import { running } from './suite/running.ts'
import { sources } from './suite/sources.ts'
import { writing } from './suite/writing.ts'

export type { SetUp, Subject } from './suite/bench.ts'

/**
 * What a backend cannot do by its nature; the suite then holds it to saying `unsupported`. Default:
 * it can.
 */
export interface Abilities {
  readonly writes?: boolean
  readonly lists?: boolean
  readonly appends?: boolean
  /** Renames files. */
  readonly moves?: boolean
  /** Removes directories that became empty, where there are any. */
  readonly prunes?: boolean
  /** For a moment there is no file while another one replaces it. Default: there is one always. */
  readonly replacesWithGap?: boolean
  /** Runs programs. Default: it cannot. */
  readonly executes?: boolean
  /**
   * Two contents of one size that replace each other within so many ms may have one identity: where
   * it is made of size and time, and the time of seconds. Default 0.
   */
  readonly identityMs?: number
  /** The Stat that a put returns has the file's time. Default: it has. */
  readonly timesPuts?: boolean
  /** So many names it has at most from one request, or one read of a directory. Default 100. */
  readonly namesAtOnce?: number
}

/**
 * Holds a backend to the contract of src/store/store.ts. `setUp` is called once for most tests,
 * which each work below a directory of their own, and once more for each test that closes the
 * store.
 */
export function storeConformance(name: string, setUp: SetUp, abilities: Abilities = {}): void {
  const { writes = true, lists = writes, appends = writes, moves = writes } = abilities
  const {
    prunes = true,
    replacesWithGap = false,
    executes = false,
    identityMs = 0,
    timesPuts = true,
    namesAtOnce = 100,
  } = abilities
  describe(`${name} keeps the Store contract`, () => {
    const bench = createBench(setUp)
    describe('stat and get', () => reading(bench, { identityMs }))
    describe('the consumer of get', () => consuming(bench))
    describe('ranges of get', () => ranges(bench))
    describe('statAll', () => looking(bench, { moves }))
    describe('names', () => naming(bench, { writes, lists }))
    describe('abort', () => aborting(bench, { writes, lists }))
    describe('close', () => closing(bench, { writes, lists }))
    if (lists) describe('list', () => listing(bench, { writes, namesAtOnce }))
    if (moves) describe('move and free space', () => moving(bench, { prunes, replacesWithGap }))
    describe('exec', () => running(bench, { executes, writes }))
    if (writes) {
      describe('put', () => writing(bench, { appends, timesPuts }))
      describe('hostile sources', () => sources(bench, { lists }))
      describe('several at once', () => racing(bench))
      describe('remove', () => removing(bench, { prunes }))
    }
    describe('what it cannot do', () => refusing(bench, { writes, lists, appends, moves }))
  })
}
