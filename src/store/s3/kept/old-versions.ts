import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3'
import { isStoreError, messageOf, StoreError } from '../../../core/errors.ts'
import type { OldVersions } from '../../keeping.ts'
import type { CallOptions } from '../../store.ts'
import type { S3Call, S3Calls } from '../calls.ts'
import { notS3 } from '../errors.ts'
import { decodeKey } from '../list.ts'
import { withCompanion } from '../middleware.ts'
import { MAX_KEYS, NOT_IN_XML } from '../remove.ts'
import { readVersioning } from './keeping.ts'

/** A version of an object, or the mark by which a server says that there is none any more. */
interface Version {
  readonly Key: string
  readonly VersionId: string
  readonly size: number
  readonly isMark: boolean
  readonly isLatest: boolean
}

/**
 * Removes what a bucket keeps of objects below a prefix that were removed or replaced. What a
 * listing shows stays. A mark goes last, and only where nothing is left that it hides: else what
 * was removed would be there again. And so does, where no versions are made just now, what has none
 * of its own (`null`): by the time that it goes, somebody may have stored a file anew under that
 * very name; but not where nobody else knows the prefix (`isOurs`). `pageKeys`: how many versions
 * are listed at once.
 */
export async function removeOldVersions(
  calls: S3Calls,
  call: S3Call,
  prefix: string,
  { onProgress, pageKeys, isOurs }: CallOptions & { readonly pageKeys?: number; readonly isOurs?: boolean },
): Promise<OldVersions> {
  let [count, bytes, done] = [0, 0, 0]
  const refusals: string[] = []
  const isNamedForGood = isOurs === true || (await makesVersions(calls, call))
  const remove = async (listed: readonly Version[]) => {
    const some = listed.filter(({ VersionId }) => isNamedForGood || VersionId !== 'null')
    if (some.length < listed.length) refusals.push(NOT_NAMED)
    for (let at = 0; at < some.length; at += MAX_KEYS) {
      const why = await removeBatch(calls, call, some.slice(at, at + MAX_KEYS))
      if (why !== undefined) refusals.push(why)
      done += Math.min(MAX_KEYS, some.length - at)
      onProgress?.(done)
    }
  }
  for await (const page of pagesOf(calls, call, prefix, pageKeys)) {
    const old = page.filter(({ isMark, isLatest }) => !isMark && !isLatest)
    count += old.length
    bytes += old.reduce((sum, { size }) => sum + size, 0)
    await remove(old)
  }
  // What was removed is what is not there any more: the answers to removals are not believed.
  let [left, leftBytes] = [0, 0]
  for await (const all of objectsOf(pagesOf(calls, call, prefix, pageKeys))) {
    const old = all.filter(({ isMark, isLatest }) => !isMark && !isLatest)
    left += old.length
    leftBytes += old.reduce((sum, { size }) => sum + size, 0)
    if (all.every(({ isMark }) => isMark)) await remove(all)
  }
  const why = left > 0 ? (refusals[0] ?? `${calls.server.host} does not say why`) : undefined
  return { removed: Math.max(0, count - left), bytes: Math.max(0, bytes - leftBytes), left, why }
}

const NOT_NAMED =
  'versioning is suspended, so a new file may be in the place of what it kept: switch it on, and try again'

/** Whether each file that is stored now gets a name that no other has. */
async function makesVersions(calls: S3Calls, call: S3Call): Promise<boolean> {
  try {
    return (await readVersioning(calls, call)) === 'on'
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported')) throw error
    return false
  }
}

/**
 * Lists all versions and marks, of each object the newest first. A page is given when the next one
 * is here: that goes on after a version that whoever gets the page may remove.
 */
async function* pagesOf(
  calls: S3Calls,
  call: S3Call,
  Prefix: string,
  MaxKeys = MAX_KEYS,
): AsyncGenerator<Version[], void, void> {
  const input = { Bucket: calls.bucket, Prefix, MaxKeys, EncodingType: 'url' as const }
  let from: Place | undefined = {}
  let before: Version[] = []
  while (from !== undefined) {
    const page: ListObjectVersionsCommandOutput = await calls.send(
      call,
      new ListObjectVersionsCommand({ ...input, ...from }),
    )
    yield before
    before = versionsOf(page, Prefix)
    from = placeAfter(calls, call, page, before, from)
  }
  yield before
}

type Place = Pick<ListObjectVersionsCommandInput, 'KeyMarker' | 'VersionIdMarker'>

/**
 * The name is that of the last version, for some servers escape the one that they say to go on
 * after (Amazon), and some do not (Ceph), whatever was asked for.
 */
function placeAfter(
  { server }: S3Calls,
  { op, where }: S3Call,
  { IsTruncated, NextVersionIdMarker }: ListObjectVersionsCommandOutput,
  page: readonly Version[],
  before: Place,
): Place | undefined {
  if (IsTruncated === undefined) throw notS3(op, where, server, 'a listing that does not say whether it is whole')
  if (!IsTruncated) return undefined
  const names = page.map(({ Key }) => Buffer.from(Key)).sort(Buffer.compare)
  const KeyMarker = names.at(-1)?.toString()
  const isNew = KeyMarker !== before.KeyMarker || NextVersionIdMarker !== before.VersionIdMarker
  if (KeyMarker !== undefined && isNew) return { KeyMarker, VersionIdMarker: NextVersionIdMarker }
  const message = `${server.host} does not say how the listing goes on`
  throw new StoreError({ kind: 'corrupt', op, where, message })
}

function versionsOf(page: ListObjectVersionsCommandOutput, prefix: string): Version[] {
  const { EncodingType, Versions = [], DeleteMarkers = [] } = page
  const found = [
    ...Versions.map((each) => ({ ...each, isMark: false })),
    ...DeleteMarkers.map((each) => ({ ...each, Size: 0, isMark: true })),
  ]
  return found.flatMap(({ Key = '', VersionId, Size: size = 0, IsLatest: isLatest = true, isMark }) => {
    const name = EncodingType === 'url' ? decodeKey(Key) : Key
    if (!name.startsWith(prefix) || VersionId === undefined) return []
    return [{ Key: name, VersionId, size, isMark, isLatest }]
  })
}

/** All of one object at once: a page may end between its versions. */
async function* objectsOf(pages: AsyncIterable<readonly Version[]>): AsyncGenerator<readonly Version[], void, void> {
  let open = new Map<string, Version[]>()
  for await (const page of pages) {
    const names = new Set(page.map(({ Key }) => Key))
    for (const [name, all] of open) if (!names.has(name)) yield all
    const next = new Map([...open].filter(([name]) => names.has(name)))
    for (const version of page) next.set(version.Key, [...(next.get(version.Key) ?? []), version])
    open = next
  }
  yield* open.values()
}

/** Resolves with why some of them may still be there. */
async function removeBatch(calls: S3Calls, call: S3Call, some: readonly Version[]): Promise<string | undefined> {
  if (some.length > 1 && some.every(({ Key }) => !NOT_IN_XML.test(Key))) {
    const Objects = some.map(({ Key, VersionId }) => ({ Key, VersionId }))
    const command = new DeleteObjectsCommand({ Bucket: calls.bucket, Delete: { Objects } })
    try {
      const { Errors = [] } = await calls.send(call, withCompanion(command, { md5: true }))
      return Errors[0] && `${calls.server.host} does not remove what it kept (${Errors[0].Code})`
    } catch (error) {
      // Some servers hold the request as a whole against what is allowed for the bucket itself.
      if (!isStoreError(error, 'unsupported', 'denied')) throw error
    }
  }
  let why: string | undefined
  for (const { Key, VersionId } of some) {
    try {
      await calls.send(call, new DeleteObjectCommand({ Bucket: calls.bucket, Key, VersionId }))
    } catch (error) {
      if (!isStoreError(error, 'denied', 'unsupported', 'missing')) throw error
      why ??= messageOf(error)
    }
  }
  return why
}
