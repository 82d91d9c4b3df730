import type { Archive, Member } from '../../archive/archive.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import { pulledSource } from '../../store/pulled-source.ts'
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
  const content = pulledSource(member.size, (consume, options) => archive.read(member, consume, options))
  for await (const chunk of content.open(signal)) {
    check.update(chunk)
    yield chunk
  }
  if (!check.matches()) throw damaged(store, member)
}

function damaged(store: Store, member: Member): StoreError {
  const message = `the archived copy is damaged: its content is not what the key ${member.name.replace(/^.*\//, '')} says`
  return new StoreError({ kind: 'corrupt', op: 'get', where: store.traits.root, message })
}
