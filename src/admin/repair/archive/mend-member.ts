import type { Archive } from '../../../archive/archive.ts'
import { hasChecksum } from '../../../core/checksum.ts'
import { isStoreError } from '../../../core/errors.ts'
import { findMember } from '../../../ria/keys/member-names.ts'
import { keyOfFileName, objectsDirectory, placesOf, tombstonePath } from '../../../ria/layout/places.ts'
import type { Bench } from '../bench.ts'
import { type Examined, examineLoose } from '../examine.ts'
import type { GoodCopies } from '../good-copies.ts'
import { type KeyMended, stageGood } from '../mend-key.ts'
import { ArchiveCopies } from './archive-copies.ts'
import { everyByteOf } from './member-bytes.ts'
import type { MisplacedMembers } from './misplaced-members.ts'

export interface MendMemberOptions {
  /** The dataset's layout version. */
  readonly version: string
  readonly archive: Archive
  readonly misplaced: MisplacedMembers
  readonly sources: readonly GoodCopies[]
}

/**
 * Mends the members of an archive that no client looks for and whose names end in `fileName`. A key
 * is stored where it belongs, when its content shows that it is that key's; what is no key, or no
 * good copy of it, is kept in `quarantine/`. Then all members of this name get a tombstone, and the
 * next `riastore archive` leaves them out. Throws StoreError.
 */
export function mendMember(bench: Bench, fileName: string, options: MendMemberOptions): Promise<KeyMended> {
  return new MemberMending(bench, fileName, options).run()
}

class MemberMending {
  readonly #bench: Bench
  readonly #fileName: string
  readonly #options: MendMemberOptions

  constructor(bench: Bench, fileName: string, options: MendMemberOptions) {
    this.#bench = bench
    this.#fileName = fileName
    this.#options = options
  }

  async run(): Promise<KeyMended> {
    const { dataset, call } = this.#bench
    const fileName = this.#fileName
    if (fileName === '' || fileName === '.' || fileName === '..')
      return { outcome: 'left', how: 'nothing can be kept under its name' }
    const isDropped = (await dataset.store.stat(tombstonePath(dataset.directory, fileName), call)) !== undefined
    if (isDropped || this.#options.misplaced.of(fileName).length === 0) {
      return { outcome: 'mended', how: 'it is gone, or was dropped' }
    }
    const key = keyOfFileName(fileName)
    if (key !== undefined) return this.#mendKey(key)
    if (!(await this.#keepAll())) return NOT_READ
    await this.#markDropped()
    return { outcome: 'mended', how: `it is no key, so it is kept in quarantine/; ${LEFT_OUT}` }
  }

  async #mendKey(key: string): Promise<KeyMended> {
    const { version, archive, misplaced, sources } = this.#options
    const bench = this.#bench
    if (!hasChecksum(key))
      return { outcome: 'left', how: 'nobody can tell whether it is good: the key has no checksum' }
    const places = placesOf(key, version).map((place) => `${objectsDirectory(bench.dataset.directory)}/${place}`)
    const loose: Examined[] = []
    for (const place of places) {
      const copy = await examineLoose(bench.dataset, key, place, bench.call)
      if (copy !== undefined) loose.push(copy)
    }
    const unknown = loose.find(({ outcome }) => outcome === 'unknown')
    if (unknown !== undefined) return { outcome: 'left', how: unknown.why }
    if (loose.some(({ outcome }) => outcome === 'good')) {
      await this.#markDropped()
      return { outcome: 'mended', how: `the key also is where it belongs; ${LEFT_OUT}` }
    }
    if (loose.length > 0) return { outcome: 'left', how: REPAIR_FIRST }
    const own = new ArchiveCopies(archive, 'the archive')
    const staged = await stageGood(bench, key, [own, misplaced, ...sources])
    // A tombstone hides it: another copy has to be there then, or all of it be kept.
    const isFound = (await findMember(archive, key)) !== undefined
    if (staged === undefined) {
      if (isFound) return { outcome: 'left', how: REPAIR_FIRST }
      if (!(await this.#keepAll())) return NOT_READ
      await this.#markDropped()
      return { outcome: 'quarantined', how: 'it is damaged, and kept in quarantine/', isThere: false }
    }
    const [place = ''] = places
    await bench.putInPlace(staged.path, place)
    await this.#markDropped()
    const how = `the key is where clients look for it now: ${place}; ${LEFT_OUT}`
    return { outcome: 'mended', how, isThere: isFound ? undefined : true }
  }

  /** Keeps a copy of each member, as it is. False when one cannot be read to its end. */
  async #keepAll(): Promise<boolean> {
    const { dataset, call } = this.#bench
    const { archive, misplaced } = this.#options
    for (const member of misplaced.of(this.#fileName)) {
      const to = this.#bench.quarantineOf(this.#fileName)
      try {
        const kept = await dataset.store.put(to, everyByteOf(archive, member), { ...call, within: dataset.directory })
        if (kept.size !== member.size) return false
      } catch (error) {
        if (!isStoreError(error, 'corrupt')) throw error
        return false
      }
    }
    return true
  }

  async #markDropped(): Promise<void> {
    const { changes } = this.#bench
    const { archive } = this.#options
    await changes.whileProven({ archive: archive.stat.identity }, (proven) =>
      changes.markDropped(this.#fileName, proven),
    )
  }
}

const LEFT_OUT = 'the next riastore archive leaves the member out'
const REPAIR_FIRST =
  'what clients find of the key is damaged: riastore repair --data mends that first; then run this again'
const NOT_READ: KeyMended = { outcome: 'left', how: 'not all of it can be read out of the archive' }
