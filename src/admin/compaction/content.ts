import { crc32 } from 'node:zlib'
import type { Archive, Member } from '../../archive/archive.ts'
import { checksumOf } from '../../core/checksum.ts'
import { StoreError } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/** What a content must have: the key's checksum in hex, or else its CRC-32 and length. */
export interface ContentCheck {
  update(bytes: Uint8Array): void
  /** Throws nothing; true when all that was given is the content. */
  matches(): boolean
}

/** Checks a key's content by its own checksum; for a key without one, by length and CRC. */
export async function checkFor(
  text: string,
  otherwise: { readonly size: number; readonly crc: number | undefined },
): Promise<ContentCheck> {
  const key = parseKey(text)
  const checksum = checksumOf(key)
  const hasher = await checksum?.start()
  let size = 0
  let crc = 0
  return {
    update(bytes) {
      size += bytes.length
      if (hasher !== undefined) hasher.update(bytes)
      else crc = crc32(bytes, crc)
    },
    matches() {
      if (key.size !== undefined && key.size !== size) return false
      if (hasher !== undefined) return hasher.hex() === checksum?.expected
      return size === otherwise.size && (otherwise.crc === undefined || otherwise.crc === crc)
    },
  }
}

/**
 * Whether a whole content is the key's, by its checksum; undefined where that takes `checkFor`:
 * for a key without one, and for an algorithm that OpenSSL lacks.
 */
export function contentMatches(text: string, content: Uint8Array): boolean | undefined {
  const key = parseKey(text)
  const matches = checksumOf(key)?.matches(content)
  return matches && (key.size === undefined || key.size === content.length)
}

/**
 * Reads an archived key and says whether its content is the key's. Throws what the archive throws,
 * `corrupt` too.
 */
export async function memberMatches(
  archive: Archive,
  member: Member,
  key: string,
  call: CallOptions = {},
): Promise<boolean> {
  let check: ContentCheck | undefined
  const consume = async (bytes: Bytes) => {
    const begun = await checkFor(key, member)
    check = begun
    for await (const chunk of bytes) begun.update(chunk)
  }
  await archive.read(member, consume, call)
  return check?.matches() ?? false
}

/** The same, where `corrupt` from the archive itself counts as not good. */
export async function isMemberGood(...args: Parameters<typeof memberMatches>): Promise<boolean> {
  try {
    return await memberMatches(...args)
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'corrupt') return false
    throw error
  }
}

/** Reads a loose key, undefined when it is not there (any more). */
export async function isLooseGood(
  store: Store,
  path: string,
  key: string,
  otherwise: { readonly size: number; readonly crc: number | undefined },
  { signal }: CallOptions = {},
): Promise<{ readonly good: boolean; readonly identity: string } | undefined> {
  let result: { good: boolean; identity: string } | undefined
  try {
    await store.get(
      path,
      async (bytes, { identity }) => {
        const check = await checkFor(key, otherwise)
        for await (const chunk of bytes) check.update(chunk)
        result = { good: check.matches(), identity }
      },
      signal && { signal },
    )
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return undefined
    throw error
  }
  return result
}
