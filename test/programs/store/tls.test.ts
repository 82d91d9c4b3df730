import { readFile, writeFile } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError } from '../../../src/core/errors.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { runOk } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let secure: https.Server
let plain: http.Server
let opened: Store[] = []

beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const name of ['server', 'other']) await makeCertificate(name)
  const [key, cert] = await Promise.all(['server.key', 'server.pem'].map((name) => readFile(file(name))))
  const answer: http.RequestListener = (_request, response) => {
    response.writeHead(404, { 'x-amz-request-id': 'tx0' }).end('<Error><Code>NoSuchKey</Code></Error>')
  }
  secure = https.createServer({ key, cert }, answer)
  plain = http.createServer(answer)
  for (const server of [secure, plain]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }
})
afterAll(async () => {
  for (const server of [secure, plain]) server?.close()
  await directory?.remove()
})
beforeEach(() => {
  for (const name of ['SSL_CERT_FILE', 'AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']) vi.stubEnv(name, undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const store of opened) await store.close()
  opened = []
})

const file = (name: string) => `${directory.path}/${name}`
const hostOf = (server: http.Server | https.Server) => `127.0.0.1:${(server.address() as AddressInfo).port}`

async function makeCertificate(name: string): Promise<void> {
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  await runOk('openssl', ['req', ...kind, ...subject, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)])
}

const backends: readonly [string, (url: string) => Store][] = [
  ['HTTP', (url) => openHttpStore({ url })],
  ['S3', (endpoint) => openS3Store({ endpoint, bucket: 'bucket', credentials: 'none' })],
]

describe.each(backends)('a store over %s', (name, openStore) => {
  const open = (url: string) => {
    const store = openStore(url)
    opened.push(store)
    return store
  }
  const expectReason = (url: string, reason: RegExp) =>
    expect(open(url).stat('x')).rejects.toMatchObject({
      kind: 'unreachable',
      where: expect.stringContaining(new URL(url).host),
      reason: expect.stringMatching(reason),
    })

  it('says how to trust an authority of one’s own', async () => {
    await expectReason(`https://${hostOf(secure)}`, /certificate is from an authority .*SSL_CERT_FILE.*NODE_EXTRA_CA/)
  })

  const variables = name === 'S3' ? ['SSL_CERT_FILE', 'AWS_CA_BUNDLE'] : ['SSL_CERT_FILE']

  it.each(variables)('trusts the authorities that %s names, and those of NODE_EXTRA_CA_CERTS', async (variable) => {
    vi.stubEnv(variable, file('server.pem'))
    expect(await open(`https://${hostOf(secure)}`).stat('x')).toBeUndefined()
    vi.stubEnv(variable, file('other.pem'))
    await expectReason(`https://${hostOf(secure)}`, /certificate is from an authority/)
    vi.stubEnv('NODE_EXTRA_CA_CERTS', file('server.pem'))
    expect(await open(`https://${hostOf(secure)}`).stat('x')).toBeUndefined()
  })

  it.each(variables)('refuses a file in %s in which there are none, by its name', async (variable) => {
    await writeFile(file('empty.pem'), '')
    await writeFile(file('broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    for (const each of ['missing.pem', 'empty.pem', 'broken.pem']) {
      vi.stubEnv(variable, file(each))
      expect(() => open(`https://${hostOf(secure)}`)).toThrow(ConfigError)
      expect(() => open(`https://${hostOf(secure)}`)).toThrow(`${variable} names ${file(each)}`)
    }
  })

  it('says that a port speaks no TLS, or nothing else', async () => {
    await expectReason(`https://${hostOf(plain)}`, /does not speak TLS at that port: has the URL to begin with http\?/)
    await expectReason(`http://${hostOf(secure)}`, /^cannot reach 127\S+: it (speaks TLS at that port|closed the conn)/)
  })
})
