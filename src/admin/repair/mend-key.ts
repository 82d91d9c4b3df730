import type { Archive } from '../../archive/archive.ts'
import { isStoreError } from '../../core/errors.ts'
import { keyFileName } from '../../core/key.ts'
import { everyByteOf } from './archive/member-bytes.ts'
import type { Bench } from './bench.ts'
import { type Examined, examineKey, type KeyExamined } from './examine.ts'
import type { GoodCopies } from './good-copies.ts'
import type { Outcome } from './repaired.ts'
import { whyKept } from './why-kept.ts'

export interface MendKeyOptions {
  /** The dataset's layout version. */
  readonly version: string
  /** The dataset's archive, if it can be read. */
  readonly archive: Archive | undefined
  readonly sources: readonly GoodCopies[]
}

export interface KeyMended {
  readonly outcome: Outcome
  readonly how: string
  /** Whether the store has it now, where that changed. */
  readonly isThere?: boolean | undefined
}

/**
 * Mends a key of which a copy is damaged. Each copy is read first, and a damaged one twice; what is
 * damaged is kept in `quarantine/`. A good copy comes from the dataset itself, else from `sources`;
 * it is stored beside, read back, and only then put in place. In the archive a damaged member gets
 * a tombstone, once there is a good loose copy, or all of it is in `quarantine/`; the next
 * `riastore archive` leaves it out. Throws StoreError.
 */
export async function mendKey(bench: Bench, key: string, options: MendKeyOptions): Promise<KeyMended> {
  const { dataset, call } = bench
  const { version, archive } = options
  const seen = await examineKey(dataset, key, { version, archive }, call)
  if ('outcome' in seen) return seen
  const found = seen.ownGood === undefined ? await stageGood(bench, key, options.sources) : undefined
  if (seen.ownGood === undefined && found === undefined) {
    const kept = await whyKept(dataset, NO_GOOD_COPY, call)
    if (kept !== undefined) return kept
  }
  return new KeyMending(bench, keyFileName(key), archive).run(seen, found)
}

export const NO_GOOD_COPY = 'no good copy was found'

/** A good copy, stored where nobody looks for it. */
interface Staged {
  readonly path: string
  readonly from: string
}

/** Undefined when nobody has one. */
export async function stageGood(
  bench: Bench,
  key: string,
  sources: readonly GoodCopies[],
): Promise<Staged | undefined> {
  for (const source of sources) {
    const content = await source.find(key, bench.call)
    const path = content && (await bench.stage(content, key))
    if (path !== undefined) return { path, from: source.where }
  }
  return undefined
}

class KeyMending {
  readonly #bench: Bench
  readonly #fileName: string
  readonly #archive: Archive | undefined

  constructor(bench: Bench, fileName: string, archive: Archive | undefined) {
    this.#bench = bench
    this.#fileName = fileName
    this.#archive = archive
  }

  async run({ damaged, ownGood, place }: KeyExamined, staged: Staged | undefined): Promise<KeyMended> {
    const bench = this.#bench
    let unplaced = staged?.path
    const isGood = ownGood !== undefined || staged !== undefined
    for (const { path, identity } of damaged) {
      if (path === undefined) continue
      const isDone = await bench.setAside({ path, identity }, bench.quarantineOf(path), { staged: unplaced })
      if (isDone) unplaced = undefined
      else {
        if (unplaced !== undefined) await bench.unstage(unplaced)
        return { outcome: 'left', how: 'somebody has just replaced it' }
      }
    }
    if (unplaced !== undefined) await bench.putInPlace(unplaced, place)
    const member = damaged.find((copy) => copy.path === undefined)
    if (member !== undefined && !(await this.#dropMember(member, isGood))) {
      return { outcome: 'left', how: 'no good copy was found, and not all of it can be read out of the archive' }
    }
    const kept = 'what was damaged is in quarantine/'
    if (staged !== undefined)
      return { outcome: 'mended', how: `a good copy came from ${staged.from}; ${kept}`, isThere: true }
    if (ownGood !== undefined) return { outcome: 'mended', how: `another copy in the dataset is good; ${kept}` }
    if (damaged.length === 0) return { outcome: 'left', how: 'it is not there, and no good copy was found' }
    return { outcome: 'quarantined', how: `${NO_GOOD_COPY}; ${kept}`, isThere: false }
  }

  /** False when it would be lost. */
  async #dropMember(member: Examined, isGood: boolean): Promise<boolean> {
    const { dataset, changes, call } = this.#bench
    if (!isGood) {
      const found = member.member === undefined ? undefined : await this.#archive?.find(member.member)
      if (this.#archive === undefined || found === undefined) return false
      const source = everyByteOf(this.#archive, found)
      const to = this.#bench.quarantineOf(this.#fileName)
      try {
        await dataset.store.put(to, source, { ...call, within: dataset.directory })
      } catch (error) {
        if (!isStoreError(error, 'corrupt')) throw error
        return false
      }
    }
    await changes.whileProven({ archive: member.identity }, (proven) => changes.markDropped(this.#fileName, proven))
    return true
  }
}
