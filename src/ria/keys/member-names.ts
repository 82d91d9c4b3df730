import type { Archive, Member } from '../../archive/archive.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { DATASET_VERSIONS, keyPaths } from '../layout/paths.ts'
import { fileNameOf, keyOfFileName } from '../layout/places.ts'

const OBJECTS = '/annex/objects/'

/**
 * What a key may be called in an archive, the likeliest name first, for to hash them all takes
 * longer than to look one up: git-annex's hash directories of both kinds, of the name as ORA hashes
 * it and as git-annex does. Programs on Windows write `\` for `/`; in such a name there is no `/`
 * at all, so it cannot be meant otherwise.
 */
export function* memberNames(key: string): Generator<string, void, void> {
  const seen: string[] = []
  for (const version of [...DATASET_VERSIONS].reverse()) {
    for (const path of keyPaths('', version, key)) {
      const name = path.slice(OBJECTS.length)
      seen.push(name)
      yield name
    }
  }
  for (const name of seen) yield name.replaceAll('/', '\\')
}

/** The member that clients get for a key: the first that has one of its names. */
export async function findMember(archive: Archive, key: string): Promise<Member | undefined> {
  for (const name of memberNames(key)) {
    const member = await archive.find(name)
    if (member !== undefined) return member
  }
  return undefined
}

/** The key of a member. */
export interface MemberKey {
  readonly key: string
  readonly fileName: string
  /** Clients look for the key under this name. */
  readonly isFindable: boolean
}

/**
 * Reads the name of a member. It is a key's when it ends in `<key>/<key>`, wherever that lies;
 * undefined for all others.
 */
export function keyOfMember(name: string): MemberKey | undefined {
  const fileName = name.includes('/') ? fileNameTwice(name, '/') : fileNameTwice(name, '\\')
  const key = fileName === undefined ? undefined : keyOfFileName(fileName)
  if (fileName === undefined || key === undefined) return undefined
  for (const findable of memberNames(key)) if (findable === name) return { key, fileName, isFindable: true }
  return { key, fileName, isFindable: false }
}

/** The last part of a member's name, by which tombstones are named; of any member. */
export function memberFileName(name: string): string {
  return keyOfMember(name)?.fileName ?? fileNameOf(name)
}

/**
 * Whether a member that clients do not find can be put where it belongs: its content tells that it
 * is the key's.
 */
export function canBePlaced({ key, isFindable }: MemberKey): boolean {
  return isFindable || hasChecksum(key)
}

/**
 * The name at the end, when it stands there twice. A key may hold `\`, but not in its hash
 * directories.
 */
function fileNameTwice(name: string, separator: string): string | undefined {
  const [h1, h2] = name.split(separator, 2)
  const below = h1 === undefined || h2 === undefined ? name : name.slice(h1.length + h2.length + 2)
  const half = (below.length - 1) / 2
  if (below.slice(0, half) + separator + below.slice(0, half) === below) return below.slice(0, half)
  const parts = name.split(separator)
  return parts.at(-1) === parts.at(-2) ? parts.at(-1) : undefined
}
