import { ConfigError } from '../../core/errors.ts'
import type { OpenSettings } from '../../store/open.ts'
import type { S3Setting } from './store-setting-names.ts'
import { oneOf, printable, sizeInBytes, wholeNumber, word } from './values.ts'

/** What the URL of a store in S3 does not say, save credentials. */
export type S3Options = Omit<NonNullable<OpenSettings['s3']>, 'credentials'>

/** Their values; empty is unset. */
export type S3RemoteSettings = Readonly<Partial<Record<S3Setting, string>>>

/** Those of one clone. */
export interface S3LocalSettings {
  readonly profile: string | undefined
  readonly parallel: string | undefined
}

/**
 * S3's canned ACLs but one: with public-read-write everybody could replace what is in the store.
 */
const ACLS = [
  'private',
  'public-read',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const

/**
 * Reads the settings of S3. Names and values are those of git-annex's own S3 remote, as far as it
 * has them, else of AWS's requests. Throws ConfigError.
 */
export function s3Options(committed: S3RemoteSettings, { profile, parallel }: S3LocalSettings): S3Options {
  const { region, storageclass, storageclassminsize: minSize, acl, partsize, requeststyle } = committed
  return {
    ...(region && { region: word('region', region) }),
    ...(storageclass && { storageClass: word('storageclass', storageclass) }),
    ...(minSize && { storageClassMinBytes: minBytes(minSize) }),
    ...(acl && { acl: oneOf('acl', acl, ACLS) }),
    ...encryption(committed),
    ...(partsize && { partBytes: partBytes(partsize) }),
    ...(requeststyle && { addressing: oneOf('requeststyle', requeststyle, ['path', 'virtual']) }),
    ...(profile && { profile: printable('riastore-s3-profile', profile) }),
    ...restore(committed),
    parallelParts: wholeNumber('riastore-s3-parallel', parallel ?? '4', 1, 64),
  }
}

function encryption({ serversideencryption: how, ssekmskeyid: key }: S3RemoteSettings): S3Options {
  if (key && !how?.startsWith('aws:kms')) {
    throw new ConfigError('ssekmskeyid is for serversideencryption=aws:kms or aws:kms:dsse only')
  }
  if (key && !/^[\x21-\x7e]{1,2048}$/.test(key)) {
    throw new ConfigError(`ssekmskeyid is ${JSON.stringify(key)}: the id, alias or ARN of a key?`)
  }
  return {
    ...(how && { encryption: oneOf('serversideencryption', how, ['AES256', 'aws:kms', 'aws:kms:dsse']) }),
    ...(key && { encryptionKey: key }),
  }
}

function restore({ restoredays, restoretier }: S3RemoteSettings): S3Options {
  const days = wholeNumber('restoredays', restoredays || '7', 0, 3650)
  const tier = oneOf('restoretier', restoretier || 'Standard', ['Standard', 'Bulk', 'Expedited'])
  return days === 0 ? {} : { restore: { days, tier } }
}

function minBytes(value: string): number {
  const parsed = sizeInBytes(value)
  if (parsed !== undefined) return parsed
  throw new ConfigError(`storageclassminsize is ${JSON.stringify(value)}: a size, like 128KiB?`)
}

/** What S3 takes as the size of a part. */
function partBytes(value: string): number {
  const parsed = sizeInBytes(value) ?? 0
  if (parsed >= 5 * 1024 ** 2 && parsed <= 5 * 1024 ** 3) return parsed
  throw new ConfigError(`partsize is ${JSON.stringify(value)}: a size from 5MiB to 5GiB, like 16MiB?`)
}
