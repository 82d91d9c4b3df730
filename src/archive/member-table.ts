import { DigestTable } from '../core/tables/digest-table.ts'
import { Numbers } from '../core/tables/numbers.ts'

/** What of a member must stay when it is carried over into another archive. */
export interface MemberFacts {
  readonly size: number
  readonly crc: number | undefined
}

/**
 * The members of an archive: for each its size and CRC, and digests of its name and of the name of
 * its key's file. A million of them take about 80 MB.
 */
export class MemberTable {
  readonly #names = new DigestTable()
  readonly #fileNames = new DigestTable()
  /** By member: the number of its file name. */
  readonly #fileName = new Numbers(Uint32Array)
  readonly #sizes = new Numbers(Float64Array)
  readonly #crcs = new Numbers(Uint32Array)
  readonly #hasCrc = new Numbers(Uint8Array)

  /** How many members there are, of different names. */
  get size(): number {
    return this.#names.size
  }

  /** Of members with the same name the last one counts, as when 7z extracts them. */
  add(name: string, fileName: string, { size, crc }: MemberFacts): void {
    const number = this.#names.add(name)
    this.#fileName.set(number, this.#fileNames.add(fileName))
    this.#sizes.set(number, size)
    this.#crcs.set(number, crc ?? 0)
    this.#hasCrc.set(number, crc === undefined ? 0 : 1)
  }

  /** Whether a member has this file name. */
  hasFileName(fileName: string): boolean {
    return this.#fileNames.has(fileName)
  }

  /** To tick off those that are carried over. */
  carry(): CarriedMembers {
    const seen = new Uint8Array(this.size)
    const seenFileNames = new Uint8Array(this.#fileNames.size)
    let count = 0
    return {
      get count() {
        return count
      },
      take: (name, facts) => {
        const number = this.#names.find(name)
        if (number === undefined || seen[number] === 1) return 'unknown'
        if (!isSame(this.#factsOf(number), facts)) return 'other'
        seen[number] = 1
        seenFileNames[this.#fileName.get(number)] = 1
        count += 1
        return 'same'
      },
      hasFileName: (fileName) => {
        const number = this.#fileNames.find(fileName)
        return number !== undefined && seenFileNames[number] === 1
      },
    }
  }

  #factsOf(number: number): MemberFacts {
    return { size: this.#sizes.get(number), crc: this.#hasCrc.get(number) === 1 ? this.#crcs.get(number) : undefined }
  }
}

/** Members of one archive that were seen in another. */
export interface CarriedMembers {
  readonly count: number
  /**
   * Says whether a member of the other archive is one of this one, which was not taken before, as
   * far as size and CRC tell.
   */
  take(name: string, facts: MemberFacts): 'same' | 'other' | 'unknown'
  /** Whether a member that was taken has this file name. */
  hasFileName(fileName: string): boolean
}

function isSame(before: MemberFacts, after: MemberFacts): boolean {
  const sameCrc = before.crc === undefined || after.crc === undefined || before.crc === after.crc
  return before.size === after.size && sameCrc
}
