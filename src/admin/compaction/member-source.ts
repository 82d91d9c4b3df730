import type { Archive, Member } from '../../archive/archive.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import { Handover } from '../../store/handover.ts'
import type { Store } from '../../store/store.ts'
import { checkFor } from './content.ts'

/**
 * An archived key as something that can be stored. It ends in a StoreError `corrupt` unless the
 * content is the key's.
 */
export function memberSource(store: Store, archive: Archive, member: Member, key: string): Source {
  return { size: member.size, open: (signal) => readMember(store, archive, member, key, signal) }
}

async function* readMember(store: Store, archive: Archive, member: Member, key: string, signal?: AbortSignal): Bytes {
  const check = await checkFor(key, member)
  const stop = new AbortController()
  const handed = new Handover()
  let position = 0
  const reading = archive
    .read(
      member,
      async (bytes) => {
        for await (const chunk of bytes) {
          await handed.give(chunk)
          position += chunk.length
        }
      },
      { start: () => position, signal: AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]) },
    )
    .then(
      () => handed.end(),
      (error: unknown) => handed.fail(error),
    )
  try {
    for await (const chunk of handed) {
      check.update(chunk)
      yield chunk
    }
    if (!check.matches()) throw damaged(store, member)
  } finally {
    stop.abort()
    handed.stop()
    await reading
  }
}

function damaged(store: Store, member: Member): StoreError {
  const message = `the archived copy is damaged: its content is not what the key ${member.name.replace(/^.*\//, '')} says`
  return new StoreError({ kind: 'corrupt', op: 'get', where: store.traits.root, message })
}
