import { afterEach, describe, expect, test, vi } from 'vitest'
import { openS3Store } from '../../../../src/store/s3/s3.ts'

afterEach(() => vi.unstubAllEnvs())

/**
 * Sends a request for an object of a store there, to nobody: what happens before a connection is
 * made is all that matters.
 */
async function ask(endpoint: string, sessionToken?: string): Promise<unknown> {
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret', ...(sessionToken && { sessionToken }) }
  const store = openS3Store({ endpoint, bucket: 'bucket', credentials })
  try {
    return await store.stat('file').catch((error: unknown) => error)
  } finally {
    await store.close()
  }
}

describe('a session token', () => {
  test.each(['http://store.invalid', 'http://127.0.0.1.store.invalid:8080'])(
    'is not sent over plain http to %s',
    async (endpoint) => {
      expect(await ask(endpoint, 'the-token')).toMatchObject({
        kind: 'denied',
        sent: 'no',
        message: expect.stringMatching(
          /session token .* over plain http: use https, or git config --global riastore\.s3TokenOverHttp true/,
        ),
      })
    },
  )

  test.each([
    ['https://store.invalid', 'the-token'],
    ['http://127.0.0.1:9', 'the-token'],
    ['http://[::1]:9', 'the-token'],
    ['http://localhost:9', 'the-token'],
    ['http://store.invalid', undefined],
  ])('may go to %s (%s)', async (endpoint, token) => {
    expect(await ask(endpoint, token)).not.toMatchObject({ kind: 'denied' })
  })

  test('goes over plain http where the user allowed it in git', async () => {
    vi.stubEnv('GIT_CONFIG_COUNT', '1')
    vi.stubEnv('GIT_CONFIG_KEY_0', 'riastore.s3TokenOverHttp')
    vi.stubEnv('GIT_CONFIG_VALUE_0', 'yes')
    vi.resetModules()
    const { guardToken } = await import('../../../../src/store/s3/token-guard.ts')
    const request = { protocol: 'http:', hostname: 'store.invalid', headers: { 'x-amz-security-token': 'the-token' } }
    await expect(guardToken(request)).resolves.toBeUndefined()
    vi.stubEnv('GIT_CONFIG_VALUE_0', 'no')
    vi.resetModules()
    const { guardToken: strict } = await import('../../../../src/store/s3/token-guard.ts')
    await expect(strict(request)).rejects.toMatchObject({ kind: 'denied' })
  })
})
