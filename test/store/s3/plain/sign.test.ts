import { S3Client } from '@aws-sdk/client-s3'
import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePath } from '../../../../src/store/common/http-wire.ts'
import { type Signable, Signer } from '../../../../src/store/s3/plain/sign.ts'

const credentials = fc.record(
  {
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{1,20}$/),
    secretAccessKey: fc.string({ minLength: 1, maxLength: 40 }),
    sessionToken: fc.stringMatching(/^[\w+/=]{1,60}$/),
  },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
)
const text = fc.stringMatching(/^[!-~]( {0,3}[!-~])*$/)
const requests = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE'),
  path: fc.string({ unit: 'grapheme', maxLength: 60 }).map((path) => `/${encodePath(`bucket/${path}`)}`),
  headers: fc
    .dictionary(
      fc.constantFrom('range', 'x-amz-acl', 'content-type', 'user-agent', 'cache-control', 'content-md5'),
      text,
    )
    .map((headers): Record<string, string> => ({ ...headers, host: 'localhost:8000' })),
  content: fc.option(fc.uint8Array({ maxLength: 100 }), { nil: undefined }),
})
const dates = fc.date({ min: new Date('2020-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })

test("a request is signed as the SDK's own signer signs it", async () => {
  const { sha256 } = new S3Client({ region: 'us-east-1' }).config
  const signer = new Signer() // one for all: a key for a day is not taken for another's
  const theirs = async (request: Signable, region: string, who: object, signingDate: Date) => {
    const sdk = new SignatureV4({ service: 's3', region, credentials: who as never, sha256, uriEscapePath: false })
    const { content: body, ...rest } = request
    const whole = { ...rest, protocol: 'http:', hostname: 'localhost', port: 8000, query: {}, body }
    return (await sdk.sign(whole, { signingDate })).headers
  }
  const property = fc.asyncProperty(
    requests,
    fc.constantFrom('us-east-1', 'eu-west-3'),
    credentials,
    dates,
    async (request, region, who, date) => {
      const expected = await theirs(request, region, who, date)
      expect(signer.sign(request, region, who, date)).toEqual(expected)
      expect(signer.sign(request, region, who, date)).toEqual(expected)
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('a hash of the content that is given is taken for it', () => {
  const request = { method: 'PUT', path: '/b/k', content: Buffer.from('content') }
  const headers = { host: 'h', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
  const who = { accessKeyId: 'A', secretAccessKey: 's' }
  expect(new Signer().sign({ ...request, headers }, 'us-east-1', who, new Date(0))['x-amz-content-sha256']).toBe(
    'UNSIGNED-PAYLOAD',
  )
})
