import type { Archive, Member } from '../../../archive/archive.ts'
import { hasChecksum } from '../../../core/checksum.ts'
import { keyFileName, parseKey } from '../../../core/key.ts'
import type { Source } from '../../../core/source.ts'
import { keyOfMember, memberFileName } from '../../../ria/keys/member-names.ts'
import type { CallOptions } from '../../../store/store.ts'
import type { GoodCopies } from '../good-copies.ts'
import { memberBytes } from './member-bytes.ts'

/** The members of an archive that no client looks for, by the file names that they end in. */
export class MisplacedMembers implements GoodCopies {
  readonly where = 'a member of the archive that no client looks for'
  readonly #archive: Archive
  readonly #members = new Map<string, Member[]>()

  private constructor(archive: Archive) {
    this.#archive = archive
  }

  static async list(archive: Archive, call: CallOptions): Promise<MisplacedMembers> {
    const all = new MisplacedMembers(archive)
    for await (const member of archive.members(call)) {
      if (keyOfMember(member.name)?.isFindable) continue
      const fileName = memberFileName(member.name)
      const others = all.#members.get(fileName)
      if (others === undefined) all.#members.set(fileName, [member])
      else others.push(member)
    }
    return all
  }

  of(fileName: string): readonly Member[] {
    return this.#members.get(fileName) ?? []
  }

  /** The first of those that are as long as the key is. */
  async find(key: string): Promise<Source | undefined> {
    if (!hasChecksum(key)) return undefined
    const wanted = parseKey(key).size
    const member = this.of(keyFileName(key)).find(({ size }) => wanted === undefined || size === wanted)
    return member && memberBytes(this.#archive, member)
  }

  /** The archive is whose it was opened by. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
