import type { Archive, Member } from '../archive/archive.ts'
import { keyFileName } from '../core/key.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { findMember } from '../ria/keys/member-names.ts'

/** Members that lie in the archive as they are come before those that have to be unpacked. */
const COPIES = -1

/**
 * Which keys an archive has, and where: sorted, so that the archive is read from its front to its
 * end.
 */
export class ArchivedKeys {
  #numbers = new Uint32Array(1024)
  #folders = new Float64Array(1024)
  #positions = new Float64Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  /**
   * Looks keys up in the archive's index. `dropped`: file names of keys that were dropped from it.
   */
  static async find(
    archive: Archive,
    table: KeyTable,
    numbers: Iterable<number>,
    dropped: ReadonlySet<string>,
  ): Promise<ArchivedKeys> {
    const found = new ArchivedKeys()
    for (const number of numbers) {
      const key = table.text(number)
      if (dropped.size > 0 && dropped.has(keyFileName(key))) continue
      const member = await findMember(archive, key)
      if (member !== undefined) found.#add(number, member)
    }
    return found
  }

  /** The numbers of the keys, in the order of the archive. */
  *inOrder(): IterableIterator<number> {
    const order = Uint32Array.from({ length: this.#length }, (_, i) => i)
    order.sort((a, b) => {
      const folders = (this.#folders[a] as number) - (this.#folders[b] as number)
      return folders || (this.#positions[a] as number) - (this.#positions[b] as number)
    })
    for (const i of order) yield this.#numbers[i] as number
  }

  #add(number: number, { place }: Member): void {
    if (this.#length === this.#numbers.length) {
      const twice = this.#length * 2
      const [numbers, folders, positions] = [new Uint32Array(twice), new Float64Array(twice), new Float64Array(twice)]
      numbers.set(this.#numbers)
      folders.set(this.#folders)
      positions.set(this.#positions)
      this.#numbers = numbers
      this.#folders = folders
      this.#positions = positions
    }
    this.#numbers[this.#length] = number
    this.#folders[this.#length] = place.kind === 'packed' ? place.folder : COPIES
    this.#positions[this.#length] = place.kind === 'empty' ? 0 : place.position
    this.#length += 1
  }
}
