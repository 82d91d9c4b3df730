import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import type { S3Settings } from '../../../src/store/s3/client.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { type TestS3, useTestS3 } from '../servers/s3.ts'
import { type S3Faults, startS3Faults } from '../servers/s3-faults.ts'
import { content } from '../stores/hostile-sources.ts'
import { paths, read, write } from '../stores/stores.ts'

export const MIB = 1024 * 1024

/** What the tests of a file work with: one real server for all, and a store for each. */
export interface S3Bench {
  readonly ceph: TestS3
  /** Stands before the real server. */
  readonly faults: S3Faults
  /** This test's own, reached through `faults`. */
  readonly store: Store
  /** Where in the bucket it lies. */
  readonly prefix: string
}

let ceph: TestS3
let faults: S3Faults
let store: Store
let opened: Store[] = []
let count = 0

/** To be called once in a test file. */
export function useS3(): S3Bench {
  beforeAll(async () => {
    ceph = await useTestS3()
    faults = await startS3Faults(ceph.endpoint)
  })
  afterAll(() => faults?.close())
  beforeEach(() => {
    count += 1
    store = open({})
    faults.reset()
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    for (const each of opened) await each.close()
    opened = []
  })
  return {
    get ceph() {
      return ceph
    },
    get faults() {
      return faults
    },
    get store() {
      return store
    },
    get prefix() {
      return `t${count}`
    },
  }
}

/** A store of this test's own, reached through the server that can misbehave. */
export function open(settings: Partial<S3Settings>): Store {
  const { account: credentials } = ceph
  const own = openS3Store({
    endpoint: faults.endpoint,
    bucket: ceph.bucket,
    prefix: `t${count}`,
    credentials,
    ...settings,
  })
  opened.push(own)
  return own
}

/** Closes a store after the test. */
export function closeLater(store: Store): void {
  opened.push(store)
}

/** No credentials but those that a test sets. */
export async function withoutCredentials(): Promise<void> {
  for (const name of ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN', 'PROFILE', 'REGION', 'DEFAULT_REGION']) {
    vi.stubEnv(`AWS_${name}`, undefined)
  }
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  for (const name of ['CONFIG_FILE', 'SHARED_CREDENTIALS_FILE']) vi.stubEnv(`AWS_${name}`, '/nonexistent')
}

/** Uploads that were begun and neither completed nor ended. */
export async function uploads(): Promise<number> {
  const { Uploads = [] } = await ceph.client().send(new ListMultipartUploadsCommand({ Bucket: ceph.bucket }))
  return Uploads.length
}

/** Every call of a store that looks or acts, each on a file that is there. */
export function everyCall(store: Store): readonly (() => Promise<unknown>)[] {
  return [
    () => store.stat('there'),
    () => read(store, 'there'),
    () => read(store, 'there', { range: { start: 1, end: 2 } }),
    () => write(store, 'there', 'new'),
    () => store.put('there', bufferSource('new'), { ifAbsent: true }),
    () => store.put('large', bufferSource(content(17 * MIB))),
    () => store.remove('there'),
    () => store.move('there', 'elsewhere'),
    () => paths(store, ''),
  ]
}

/**
 * Holds that no call succeeds, or finds a file absent, and that each says why in one line and
 * without a secret.
 */
export async function expectToFail(
  store: Store,
  kind: string,
  reason: RegExp,
  calls = everyCall(store),
): Promise<void> {
  for (const call of calls) {
    const error = await call().then(
      (value) => expect.fail(`${call} gave ${JSON.stringify(value)}`),
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ name: 'StoreError', kind, reason: expect.stringMatching(reason) })
    expect(String(error)).not.toMatch(/\n|secret-that|another-secret|Signature=|AWS4-HMAC/)
    expect(JSON.stringify((error as Error).cause ?? '')).not.toMatch(/secret-that|Signature=/)
  }
}
