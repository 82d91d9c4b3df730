import type { Archive, Member } from '../../../archive/archive.ts'
import { isStoreError } from '../../../core/errors.ts'
import type { Source } from '../../../core/source.ts'
import { pulledSource } from '../../../store/pulled-source.ts'

/** A member's content as something that can be stored; what takes it has to look what it is. */
export function memberBytes(archive: Archive, member: Member): Source {
  return pulledSource(member.size, (consume, options) => archive.read(member, consume, options))
}

/** The same as it is, whatever its checksum in the archive says. */
export function everyByteOf(archive: Archive, member: Member): Source {
  return pulledSource(member.size, async (consume, options) => {
    let position = 0
    const count = async function* (bytes: AsyncIterable<Uint8Array>) {
      position = options.start()
      for await (const chunk of bytes) {
        position += chunk.length
        yield chunk
      }
    }
    try {
      await archive.read(member, (bytes) => consume(count(bytes)), options)
    } catch (error) {
      if (!isStoreError(error, 'corrupt') || position !== member.size) throw error
    }
  })
}
