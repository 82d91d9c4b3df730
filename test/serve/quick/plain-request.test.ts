import { expect, test } from 'vitest'
import { type PlainRequest, PlainRequests } from '../../../src/serve/quick/plain-request.ts'

const PATH = '/6d6/9ca68/annex/objects/W8/p2/MD5-s22--f5/MD5-s22--f5'
const read = (text: string, more?: string) => new PlainRequests(more).read(Buffer.from(text, 'latin1'))
const get = (path: string, ...lines: string[]) => `${[`GET ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`

test('what clients of RIA stores send is plain', () => {
  const requests: readonly (readonly [string, PlainRequest])[] = [
    [get(PATH, 'Host: localhost:8080'), { method: 'GET', path: PATH, headers: { host: 'localhost:8080' } }],
    [
      get(PATH, 'Host: h', 'User-Agent: git-annex/10', 'Accept-Encoding: identity').replace('GET', 'HEAD'),
      {
        method: 'HEAD',
        path: PATH,
        headers: { host: 'h', 'user-agent': 'git-annex/10', 'accept-encoding': 'identity' },
      },
    ],
    [
      get(PATH, 'Host: h', 'authorization: Bearer x', 'Connection: Keep-Alive', 'Accept: */*'),
      {
        method: 'GET',
        path: PATH,
        headers: { host: 'h', authorization: 'Bearer x', connection: 'Keep-Alive', accept: '*/*' },
      },
    ],
  ]
  for (const [text, request] of requests) expect(read(text)).toEqual({ range: undefined, ...request })
  for (const range of ['bytes=0-0', 'bytes=5-', 'bytes=-5', 'bytes=0-999999999999999']) {
    expect(read(get(PATH, 'Host: h', `Range: ${range}`))).toMatchObject({ method: 'GET', path: PATH, range })
  }
})

test('whatever could be taken for something else is for node', () => {
  const good = get(PATH, 'Host: h')
  expect(read(good)).toBeDefined()
  const others: readonly string[] = [
    // Not one whole request, or more than one.
    ...[good.slice(0, -1), good.slice(0, -2), `\r\n${good}`, good + good, `${good}x`, good.replaceAll('\r\n', '\n')],
    ...[good.replace('GET', 'POST'), good.replace('GET', 'get'), good.replace('1.1', '1.0'), good.replace(' /', '  /')],
    // Another path than it seems.
    ...[get('/a/../b', 'Host: h'), get('/a/.b', 'Host: h'), get('//a', 'Host: h'), get('/a?b', 'Host: h')],
    ...[get('/a%2fb', 'Host: h'), get('/a\\b', 'Host: h'), get('/a#b', 'Host: h'), get('http://h/a', 'Host: h')],
    ...[get('/a/', 'Host: h'), get('/a b', 'Host: h'), get('/\xe4', 'Host: h'), get('*', 'Host: h')],
    // Headers that say more, or twice, or in another way.
    ...['Content-Length: 0', 'Transfer-Encoding: chunked', 'Expect: 100-continue', 'Upgrade: h2c'],
    ...['bytes=0-1,3-4', 'bytes=-', 'bytes = 0-1', 'Bytes=0-1', 'bytes=0-9999999999999999', 'items=0-1'].map(
      (range) => `Range: ${range}`,
    ),
    get(PATH, 'Host: h', 'Range: bytes=0-1').replace('GET', 'HEAD'),
    get(PATH, 'Host: h', 'Range: bytes=0-1', 'If-Range: "x"'),
    ...['If-None-Match: "x"', 'Connection: close', 'Connection: upgrade', 'TE: trailers', 'X-Remote-User: boss'],
    ...['host: other', 'Accept : x', ' Accept: x', 'Accept:x', 'Accept:  x', 'Accept: x ', 'Accept: ', 'Accept'],
    ...['Accept: a\rb', 'Accept: a\nb', 'Accept: a\0b', 'Accept: \x7f', 'Accept: \xe4', 'A_ccept: x', ': x'],
  ].map((each) => (each.includes('HTTP/') ? each : get(PATH, 'Host: h', each)))
  for (const text of [
    ...others,
    get(PATH),
    get(PATH, 'Accept: x'),
    get(PATH, 'Host: h', `Accept: ${'a'.repeat(5000)}`),
  ]) {
    expect(read(text), JSON.stringify(text)).toBeUndefined()
  }
})

test('what says who asks is heeded in each request of a connection', () => {
  const requests = new PlainRequests('x-remote-user')
  const users = ['a', 'a', 'b'].map((user) =>
    requests.read(Buffer.from(get(PATH, 'Host: h', `X-Remote-User: ${user}`))),
  )
  expect(users.map((each) => each?.headers['x-remote-user'])).toEqual(['a', 'a', 'b'])
  expect(requests.read(Buffer.from(get(PATH, 'Host: h')))?.headers).toEqual({ host: 'h' })
  expect(requests.read(Buffer.from(get(PATH, 'Host: h', 'X-Other: 1')))).toBeUndefined()
  expect(requests.read(Buffer.from(get(PATH, 'Host: h', 'X-Other: 1')))).toBeUndefined()
})
