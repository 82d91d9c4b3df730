import { describe, expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { isExcluded } from '../../../src/core/web/no-proxy.ts'
import { routeTo } from '../../../src/core/web/route.ts'

const route = async (url: string, env: NodeJS.ProcessEnv, git: Readonly<Record<string, string>> = {}) => {
  const found = await routeTo(new URL(url), { env, git: new GitConfig(Object.entries(git)) })
  return found && [found.proxy?.href, found.words]
}

describe('no_proxy', () => {
  test.each([
    ['*', 'https://s3.example.org'],
    ['example.org', 'https://s3.example.org'],
    ['.example.org', 'https://s3.example.org'],
    ['*.example.org', 'https://example.org'],
    ['a, S3.Example.ORG ,b', 'https://s3.example.org:8443'],
    ['s3.example.org:443', 'https://s3.example.org'],
    ['10.0.0.0/8', 'http://10.1.2.3'],
    ['10.1.2.3', 'http://10.1.2.3:9000'],
    ['fd00::/8', 'http://[fd00::1]'],
    ['[fd00::1]:9000', 'http://[fd00::1]:9000'],
  ])('%s has %s', (list, url) => {
    expect(isExcluded(list, new URL(url))).toBe(true)
  })

  test.each([
    ['', 'https://s3.example.org'],
    ['ple.org', 'https://s3.example.org'],
    ['s3.example.org:443', 'https://s3.example.org:8443'],
    ['10.0.0.0/8', 'http://11.1.2.3'],
    ['10.0.0.0/99', 'http://10.1.2.3'],
    ['.', 'https://s3.example.org'],
  ])('%j has not %s', (list, url) => {
    expect(isExcluded(list, new URL(url))).toBe(false)
  })
})

describe('the way to a server', () => {
  const url = 'https://s3.example.org'

  test('is nobody’s matter where no proxy is set', async () => {
    expect(await route(url, { no_proxy: '*' })).toBeUndefined()
  })

  test('is by the variable of its scheme, the lower case first, or by all_proxy', async () => {
    const env = {
      https_proxy: 'low:1',
      HTTPS_PROXY: 'high:1',
      http_proxy: 'http://plain:1',
      ALL_PROXY: 'socks5h://all:1',
    }
    expect(await route(url, env)).toEqual(['http://low:1/', 'through the proxy http://low:1 of https_proxy'])
    expect(await route(url, { ...env, https_proxy: '' })).toEqual([
      'http://high:1/',
      'through the proxy http://high:1 of HTTPS_PROXY',
    ])
    expect((await route('http://example.org', env))?.[0]).toBe('http://plain:1/')
    expect((await route(url, { all_proxy: 'socks5h://all:1' }))?.[0]).toBe('socks5h://all:1')
  })

  test('is direct for what no_proxy has, for this computer, and for another scheme, and says so', async () => {
    const env = { https_proxy: 'p:1', no_proxy: 'example.org' }
    expect(await route(url, env)).toEqual([
      undefined,
      'directly: no_proxy has it, so the proxy of https_proxy is not asked',
    ])
    expect(await route('https://localhost:9000', env)).toEqual([
      undefined,
      'directly: no proxy is asked for this computer',
    ])
    expect(await route('http://other.org', env)).toEqual([undefined, 'directly: https_proxy is not for it'])
  })

  test('never shows the password of a proxy', async () => {
    expect(await route(url, { https_proxy: 'http://me:secret@p:1' })).toEqual([
      'http://me:secret@p:1/',
      'through the proxy http://p:1 of https_proxy',
    ])
    await expect(route(url, { https_proxy: 'ftp://me:secret@p:1' })).rejects.toThrow(
      /^https_proxy names no proxy that can be used: (?!.*secret)/,
    )
  })

  test('is not what a web server’s caller wants', async () => {
    expect(await route('http://example.org', { HTTP_PROXY: 'evil:1', REQUEST_METHOD: 'GET' })).toEqual([
      undefined,
      'directly: HTTP_PROXY is not for it',
    ])
  })
})
