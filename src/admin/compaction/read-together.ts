import { crc32 } from 'node:zlib'
import type { Archive, Member } from '../../archive/archive.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { type ContentCheck, checkFor, contentMatches } from './content.ts'

/** A member, and the key whose content it shall have. */
export interface MemberOfKey {
  readonly member: Member
  readonly key: string
}

/** So much is read with one call, unless a member alone is larger. Bytes. */
const GROUP_BYTES = 8 * 1024 * 1024

/** And so many members: of tiny ones those bytes would hold all that an archive has. */
const GROUP_MEMBERS = 2000

/**
 * Puts members together that lie one after another in the archive as they are (Copy). For small
 * ones a call each costs more time than to read and to hash them. A member that is packed, that is
 * empty or whose key has no checksum comes alone. Keeps the order but for those.
 */
export async function* groupAdjacent<T extends MemberOfKey>(
  items: AsyncIterable<T>,
  groupBytes: number = GROUP_BYTES,
): AsyncGenerator<T[], void, void> {
  let group: T[] = []
  let start = 0
  let end = 0
  for await (const item of items) {
    const { place, size } = item.member
    if (place.kind !== 'copy' || size === 0 || !hasChecksum(item.key)) {
      yield [item]
      continue
    }
    const isNext = place.position === end && end + size - start <= groupBytes && group.length < GROUP_MEMBERS
    if (group.length > 0 && !isNext) {
      yield group
      group = []
    }
    if (group.length === 0) start = place.position
    group.push(item)
    end = place.position + size
  }
  if (group.length > 0) yield group
}

/**
 * Reads a group of `groupAdjacent` with one call. `onGood` gets each member, in order, that has its
 * key's checksum and the archive's CRC. Resolves with the others: nothing is known of them, and a
 * caller that wants to know what is wrong reads them one by one. Throws what the store throws, but
 * no `corrupt`.
 */
export async function readTogether<T extends MemberOfKey>(
  store: Store,
  path: string,
  archive: Archive,
  group: readonly T[],
  call: CallOptions,
  onGood: (item: T) => void,
): Promise<readonly T[]> {
  if (group.length === 1) return group
  const doubtful = new Set(group)
  const [first, last] = [group[0], group.at(-1)]
  let position = startOf(first)
  const end = startOf(last) + (last?.member.size ?? 0)
  let next = 0
  const consume = async (bytes: Bytes) => {
    let check: MemberCheck | undefined // of this attempt: the next one begins with the whole member
    for await (const chunk of bytes) {
      for (let rest = chunk; rest.length > 0; ) {
        const item = group[next]
        if (item === undefined) break
        const whole = check === undefined ? isGoodWhole(item, rest) : undefined
        let isGood = whole === true
        if (whole === undefined) {
          check ??= await MemberCheck.begin(item)
          rest = check.take(rest)
          if (!check.isFull) continue
          isGood = check.isGood()
        } else rest = rest.subarray(item.member.size)
        if (isGood) {
          doubtful.delete(item)
          onGood(item)
        }
        check = undefined
        position += item.member.size
        next += 1
      }
    }
  }
  // A retry goes on with the first member that was not read to its end; with the last when all
  // were, for an empty range is none.
  const range = () => ({ start: Math.min(position, startOf(last)), end })
  try {
    await store.get(path, consume, { ...call, range, ifMatch: archive.stat.identity })
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'corrupt') throw error
  }
  return [...doubtful]
}

function startOf(item: MemberOfKey | undefined): number {
  return item?.member.place.kind === 'copy' ? item.member.place.position : 0
}

/**
 * What costs a third of a MemberCheck, for the member whose content `bytes` begin with. Undefined
 * when they do not have all of it, or it takes one.
 */
function isGoodWhole({ member: { size, crc }, key }: MemberOfKey, bytes: Uint8Array): boolean | undefined {
  if (bytes.length < size) return undefined
  const content = bytes.subarray(0, size)
  const matches = contentMatches(key, content)
  return matches && (crc === undefined || crc === crc32(content))
}

class MemberCheck {
  readonly #member: Member
  readonly #content: ContentCheck
  #left: number
  #crc = 0

  private constructor(member: Member, content: ContentCheck) {
    this.#member = member
    this.#content = content
    this.#left = member.size
  }

  static async begin({ member, key }: MemberOfKey): Promise<MemberCheck> {
    return new MemberCheck(member, await checkFor(key, member))
  }

  get isFull(): boolean {
    return this.#left === 0
  }

  /** Takes what belongs to the member and gives what is after it. */
  take(bytes: Uint8Array): Uint8Array {
    const ours = bytes.subarray(0, this.#left)
    this.#content.update(ours)
    this.#crc = crc32(ours, this.#crc)
    this.#left -= ours.length
    return bytes.subarray(ours.length)
  }

  isGood(): boolean {
    const { crc } = this.#member
    return this.#content.matches() && (crc === undefined || crc === this.#crc)
  }
}
