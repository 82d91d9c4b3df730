import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { StoreError } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import type { Child, Entry } from '../store.ts'
import type { S3Call, S3Calls } from './calls.ts'
import { notS3 } from './errors.ts'
import { identityOf, wholeSeconds } from './stat.ts'

/** Lists the objects below a directory, a page of a thousand at a time. */
export async function* listObjects(calls: S3Calls, call: S3Call, directory: string): AsyncGenerator<Entry, void, void> {
  for await (const page of pagesOf(calls, call, directory, {})) yield* entriesOf(calls, call, page)
}

/**
 * Lists what is directly in a directory: the server puts together what is deeper, and tells that a
 * thousand at a time (ListObjectsV2, Delimiter).
 */
export async function* listChildren(
  calls: S3Calls,
  call: S3Call,
  directory: string,
): AsyncGenerator<Child, void, void> {
  for await (const page of pagesOf(calls, call, directory, { Delimiter: '/' })) {
    for (const { Prefix = '' } of page.CommonPrefixes ?? []) {
      const path = calls.pathOf(page.EncodingType === 'url' ? decodeKey(Prefix) : Prefix).replace(/\/$/, '')
      if (isPath(path)) yield { path, file: undefined }
    }
    for (const file of entriesOf(calls, call, page)) yield { path: file.path, file }
  }
}

async function* pagesOf(calls: S3Calls, call: S3Call, directory: string, more: { readonly Delimiter?: string }) {
  // XML cannot hold every character that a key may have.
  const input = { Bucket: calls.bucket, Prefix: calls.keyPrefix(directory), EncodingType: 'url' as const, ...more }
  let token: string | undefined
  do {
    const next = token === undefined ? {} : { ContinuationToken: token }
    const page = await calls.send(call, new ListObjectsV2Command({ ...input, ...next }))
    yield page
    token = tokenAfter(calls, call, page, token)
  } while (token !== undefined)
}

function* entriesOf(calls: S3Calls, call: S3Call, { Contents = [], EncodingType }: ListObjectsV2CommandOutput) {
  for (const { Key, Size, ETag, LastModified } of Contents) {
    if (Key === undefined || Size === undefined || ETag === undefined) {
      throw notS3(call.op, call.where, calls.server, 'a listing without keys, sizes or ETags')
    }
    const path = calls.pathOf(EncodingType === 'url' ? decodeKey(Key) : Key)
    if (isPath(path)) yield { path, size: Size, mtimeMs: wholeSeconds(LastModified), identity: identityOf(ETag) }
  }
}

/**
 * The way to the next page. A page that does not say whether it is the last must not pass for one.
 */
function tokenAfter(
  { server }: S3Calls,
  { op, where }: S3Call,
  { IsTruncated, NextContinuationToken }: ListObjectsV2CommandOutput,
  before: string | undefined,
): string | undefined {
  if (IsTruncated === undefined) throw notS3(op, where, server, 'a listing that does not say whether it is whole')
  if (!IsTruncated) return undefined
  if (NextContinuationToken === undefined || NextContinuationToken === before) {
    const message = `${server.host} does not say how the listing goes on`
    throw new StoreError({ kind: 'corrupt', op, where, message })
  }
  return NextContinuationToken
}

/**
 * Undoes `EncodingType: url`: percent-escapes, and from some servers + for a space (a plus sign is
 * always escaped).
 */
export function decodeKey(key: string): string {
  const bytes = key.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => `\0${hex}`)
  if (!bytes.includes('\0')) return bytes
  const parts = bytes.split('\0').map((part, i) => {
    if (i === 0) return Buffer.from(part)
    return Buffer.concat([Buffer.from(part.slice(0, 2), 'hex'), Buffer.from(part.slice(2))])
  })
  return decode(Buffer.concat(parts))
}

/**
 * Markers of directories, which web consoles make, and keys that are no path (`a//b`) are nothing
 * that a store can hold.
 */
function isPath(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
