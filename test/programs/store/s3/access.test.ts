import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { PutBucketPolicyCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parseStoreUrl } from '../../../../src/ria/url.ts'
import { openStore } from '../../../../src/store/open.ts'
import { findCredentials } from '../../../../src/store/s3/credentials.ts'
import type { Store } from '../../../../src/store/store.ts'
import { runOk } from '../../../support/programs/run.ts'
import { policyForAll, type TestS3 } from '../../../support/servers/s3.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { paths, read, temporaryDirectory, write } from '../../../support/stores/stores.ts'
import { closeLater, expectToFail, open, useS3, withoutCredentials } from '../../../support/worlds/s3-bench.ts'

const noneKept = async () => undefined

const bench = useS3()
let ceph: TestS3
let faults: S3Faults
let store: Store
beforeEach(() => {
  ;({ ceph, faults, store } = bench)
})

describe('the S3 store in the wrappers', () => {
  const openWrapped = async () => {
    await withoutCredentials()
    const url = `ria+s3+${faults.endpoint}/${ceph.bucket}/${bench.prefix}`
    const own = await openStore(parseStoreUrl(url), { stallMs: 10_000, ssh: 'auto', s3: { credentials: ceph.account } })
    closeLater(own)
    return own
  }

  it('is opened by its URL', async () => {
    const own = await openWrapped()
    await write(own, 'file', 'x')
    expect((await read(store, 'file')).toString()).toBe('x')
    expect(own.traits.root).toBe(`s3+${faults.endpoint}/${ceph.bucket}/${bench.prefix}`)
  })

  it('is asked again when it is busy, or was cut off', async () => {
    const own = await openWrapped()
    faults.misbehave({ on: /^PUT/, status: 503, code: 'SlowDown', times: 1 })
    await write(own, 'file', 'content')
    faults.misbehave({ on: /^HEAD/, status: 500, times: 1 })
    expect((await own.stat('file'))?.size).toBe(7)
    faults.misbehave({ on: /^GET/, cutAfter: 3, times: 1 })
    expect((await read(own, 'file')).toString()).toBe('content')
  })

  it('mends a clock that is wrong by itself: the server tells the time', async () => {
    const own = await openWrapped()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 3_600_000 })
    try {
      await write(own, 'file', 'x')
      expect((await own.stat('file'))?.size).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('TLS', () => {
  it('is checked, whatever the environment says', async () => {
    const directory = await temporaryDirectory()
    const [key, cert] = [`${directory.path}/key.pem`, `${directory.path}/cert.pem`]
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ]
    await runOk('openssl', [...request, '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert])
    const secure = https.createServer(
      { key: await readFile(key), cert: await readFile(cert) },
      (_request, response) => {
        response.writeHead(404, { 'x-amz-request-id': 'tx0' }).end('<Error><Code>NoSuchKey</Code></Error>')
      },
    )
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    try {
      const { port } = secure.address() as AddressInfo
      const own = open({ endpoint: `https://127.0.0.1:${port}` })
      await expect(own.stat('x')).rejects.toMatchObject({
        kind: 'unreachable',
        reason: expect.stringMatching(/certificate/),
      })
    } finally {
      secure.close()
      await directory.remove()
    }
  })
})

describe('credentials', () => {
  it('come from the environment', async () => {
    await withoutCredentials()
    vi.stubEnv('AWS_ACCESS_KEY_ID', ceph.account.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', ceph.account.secretAccessKey)
    const own = open({ credentials: undefined as never })
    await write(own, 'file', 'x')
    expect((await read(own, 'file')).toString()).toBe('x')
  })

  it('come from a profile of the configuration files', async () => {
    const directory = await temporaryDirectory()
    const { accessKeyId, secretAccessKey } = ceph.account
    const file = `${directory.path}/credentials`
    const lines = [`aws_access_key_id = ${accessKeyId}`, `aws_secret_access_key = ${secretAccessKey}`]
    await writeFile(file, `[lab]\n${lines.join('\n')}\n`)
    await withoutCredentials()
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
    const own = open({ credentials: undefined as never, profile: 'lab' })
    await write(own, 'file', 'x')
    await expectToFail(
      open({ credentials: undefined as never, profile: 'other' }),
      'denied',
      /no AWS credentials could be got: .*other/,
    )
    await directory.remove()
  })

  it('that a program of the user gives are asked for once, though they are looked for before the store is opened', async () => {
    const directory = await temporaryDirectory()
    const { accessKeyId, secretAccessKey } = ceph.account
    const answer = JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey })
    await writeFile(`${directory.path}/give`, `#!/bin/sh\necho >>'${directory.path}/log'\necho '${answer}'\n`, {
      mode: 0o755,
    })
    await writeFile(`${directory.path}/config`, `[default]\ncredential_process = ${directory.path}/give\n`)
    await withoutCredentials()
    expect(await findCredentials(undefined, noneKept)).toEqual({ credentials: 'none' })
    vi.stubEnv('AWS_CONFIG_FILE', `${directory.path}/config`)
    const found = await findCredentials(undefined, noneKept)
    const own = open({ credentials: undefined as never, ...found })
    await write(own, 'file', 'x')
    expect((await read(own, 'file')).toString()).toBe('x')
    expect(await readFile(`${directory.path}/log`, 'utf8')).toBe('\n')
    await directory.remove()
  })

  it('that are kept for the remote come before the role of a cloud instance, which is not even asked for', async () => {
    const asked: string[] = []
    const role = {
      Code: 'Success',
      AccessKeyId: 'ROLE',
      SecretAccessKey: 'role',
      Token: 't',
      Expiration: '2100-01-01T00:00:00Z',
    }
    const answers: Readonly<Record<string, string>> = {
      '/latest/api/token': 'token',
      '/latest/meta-data/iam/security-credentials/': 'role',
      '/latest/meta-data/iam/security-credentials/role': JSON.stringify(role),
    }
    const instance = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.end(answers[url])
    })
    await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve))
    await withoutCredentials()
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined)
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', `http://127.0.0.1:${(instance.address() as AddressInfo).port}`)
    const kept = { accessKeyId: 'KEPT', secretAccessKey: 'kept' }
    expect(await findCredentials(undefined, async () => kept)).toEqual({ credentials: kept })
    expect(asked).toEqual([])
    const { credentials } = await findCredentials(undefined, noneKept)
    expect(typeof credentials === 'function' && (await credentials())).toMatchObject({ accessKeyId: 'ROLE' })
    expect(asked.length).toBeGreaterThan(0)
    expect(process.env.AWS_EC2_METADATA_DISABLED).toBeUndefined()
    await new Promise((resolve) => instance.close(resolve))
  })

  it('are not needed to read what is public, and nothing else is', async () => {
    await withoutCredentials()
    const Bucket = await ceph.makeBucket('public')
    await ceph.client().send(new PutObjectCommand({ Bucket, Key: 'store/file', Body: 'for all' }))
    const Policy = policyForAll(Bucket, ['s3:GetObject', 's3:ListBucket'])
    await ceph.client().send(new PutBucketPolicyCommand({ Bucket, Policy }))
    const anyone = open({ credentials: undefined as never, bucket: Bucket, prefix: 'store' })
    expect((await read(anyone, 'file')).toString()).toBe('for all')
    expect(await anyone.stat('other')).toBeUndefined()
    expect(await paths(anyone, '')).toEqual(['file'])
    await expect(write(anyone, 'file', 'mine')).rejects.toMatchObject({ kind: 'denied' })
    await expectToFail(
      open({ credentials: undefined as never }),
      'denied',
      /denies access \(AccessDenied\), and no AWS cred/,
    )
  })
})
