import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { handle } from '../../src/annex/handle.ts'
import { formatMessage, type KeyRequest, parseMessage, type Reply, type Request } from '../../src/annex/messages.ts'
import type { Job } from '../../src/annex/remote.ts'
import { type Outcome, replyTo } from '../../src/annex/replies.ts'
import { ConfigError, StoreError, type StoreErrorKind } from '../../src/core/errors.ts'
import { fakeRemote } from './talk.ts'

const REQUESTS: Readonly<Record<string, KeyRequest>> = {
  CHECKPRESENT: { verb: 'CHECKPRESENT', key: 'K--n' },
  RETRIEVE: { verb: 'TRANSFER', direction: 'RETRIEVE', key: 'K--n', file: '/f' },
  STORE: { verb: 'TRANSFER', direction: 'STORE', key: 'K--n', file: '/f' },
  REMOVE: { verb: 'REMOVE', key: 'K--n' },
}

const KINDS: Readonly<Record<StoreErrorKind, true>> = {
  missing: true,
  denied: true,
  unreachable: true,
  transient: true,
  corrupt: true,
  conflict: true,
  full: true,
  unsupported: true,
  aborted: true,
}

describe('the reply table', () => {
  const failed: Outcome = { result: 'failed', error: new Error('why\nnot') }
  test.each<[keyof typeof REQUESTS, Outcome, string]>([
    ['CHECKPRESENT', { result: 'present' }, 'CHECKPRESENT-SUCCESS K--n'],
    ['CHECKPRESENT', { result: 'absent' }, 'CHECKPRESENT-FAILURE K--n'],
    ['CHECKPRESENT', failed, 'CHECKPRESENT-UNKNOWN K--n why not'],
    ['RETRIEVE', { result: 'done' }, 'TRANSFER-SUCCESS RETRIEVE K--n'],
    ['RETRIEVE', { result: 'absent' }, 'TRANSFER-FAILURE RETRIEVE K--n not in the store'],
    ['RETRIEVE', failed, 'TRANSFER-FAILURE RETRIEVE K--n why not'],
    ['STORE', { result: 'done' }, 'TRANSFER-SUCCESS STORE K--n'],
    ['STORE', failed, 'TRANSFER-FAILURE STORE K--n why not'],
    ['REMOVE', { result: 'done' }, 'REMOVE-SUCCESS K--n'],
    ['REMOVE', { result: 'absent' }, 'REMOVE-SUCCESS K--n'],
    ['REMOVE', failed, 'REMOVE-FAILURE K--n why not'],
  ])('%s that ended with %j is told as %j', (name, outcome, line) => {
    expect(formatMessage(replyTo(REQUESTS[name] as KeyRequest, outcome))).toBe(line)
  })
})

const anyError = fc.oneof(
  fc
    .tuple(fc.constantFrom(...(Object.keys(KINDS) as StoreErrorKind[])), fc.constantFrom('no', 'maybe'), fc.string())
    .map(([kind, sent, message]) => new StoreError({ kind, sent, op: 'stat', where: 'x', message })),
  fc.string().map((message) => new ConfigError(message)),
  fc.string().map((message) => new Error(message)),
  fc.constantFrom<unknown>(undefined, null, 0, false, 'text', Symbol('s'), {}),
)

describe('what goes wrong', () => {
  test('is never reported as absent, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(anyError, async (error) => {
        const remote = fakeRemote({ checkPresent: () => Promise.reject(error) })
        const [reply, ...more] = await handle(remote, {} as Job, REQUESTS.CHECKPRESENT as KeyRequest)
        expect(reply?.verb).toBe('CHECKPRESENT-UNKNOWN')
        expect(more).toEqual([])
      }),
    )
  })

  test('is never reported as success, whatever it is', async () => {
    const fail = (error: unknown) => ({
      store: () => Promise.reject(error),
      retrieve: () => Promise.reject(error),
      remove: () => Promise.reject(error),
    })
    await fc.assert(
      fc.asyncProperty(anyError, fc.constantFrom('RETRIEVE', 'STORE', 'REMOVE'), async (error, name) => {
        const replies = await handle(fakeRemote(fail(error)), {} as Job, REQUESTS[name] as KeyRequest)
        expect(replies.map(({ verb }) => verb)).toEqual([name === 'REMOVE' ? 'REMOVE-FAILURE' : 'TRANSFER-FAILURE'])
      }),
    )
  })

  test('is told on one line with the key that was asked about', async () => {
    const error = new StoreError({ kind: 'denied', op: 'stat', where: '/a\nb', message: 'c\nd' })
    const remote = fakeRemote({ checkPresent: () => Promise.reject(error) })
    const replies = await handle(remote, {} as Job, REQUESTS.CHECKPRESENT as KeyRequest)
    expect(replies.map(formatMessage)).toEqual(['CHECKPRESENT-UNKNOWN K--n stat /a b: c d'])
  })
})

const broken = () => Promise.reject(new Error('it broke'))

describe('a request', () => {
  test.each<[string, Parameters<typeof fakeRemote>[0], string[]]>([
    ['LISTCONFIGS', {}, ['CONFIG url where it is', 'CONFIGEND']],
    ['LISTCONFIGS', { settings: [] }, ['CONFIGEND']],
    ['INITREMOTE', {}, ['INITREMOTE-SUCCESS']],
    ['INITREMOTE', { initialize: broken }, ['INITREMOTE-FAILURE it broke']],
    ['PREPARE', {}, ['PREPARE-SUCCESS']],
    ['PREPARE', { prepare: broken }, ['PREPARE-FAILURE it broke']],
    ['EXPORTSUPPORTED', {}, ['EXPORTSUPPORTED-FAILURE']],
    ['GETCOST', { cost: async () => 200 }, ['COST 200']],
    ['GETCOST', { cost: broken }, ['UNSUPPORTED-REQUEST']],
    ['GETAVAILABILITY', { availability: async () => 'GLOBAL' }, ['AVAILABILITY GLOBAL']],
    ['GETAVAILABILITY', { availability: broken }, ['UNSUPPORTED-REQUEST']],
    ['GETINFO', {}, ['INFOEND']],
    [
      'GETINFO',
      { info: async () => [['a b', 'c d'] as const, ['e', ''] as const] },
      ['INFOFIELD a b', 'INFOVALUE c d', 'INFOFIELD e', 'INFOVALUE ', 'INFOEND'],
    ],
    ['GETINFO', { info: broken }, ['UNSUPPORTED-REQUEST']],
    ['WHEREIS K--n', {}, ['WHEREIS-FAILURE']],
    ['WHEREIS K--n', { whereis: async () => 'a place' }, ['WHEREIS-SUCCESS a place']],
    ['WHEREIS K--n', { whereis: broken }, ['WHEREIS-FAILURE']],
    ['CLAIMURL http://a', {}, ['CLAIMURL-FAILURE']],
    ['CHECKURL http://a', {}, ['UNSUPPORTED-REQUEST']],
    ['CHECKPRESENT K--n', { checkPresent: async () => false }, ['CHECKPRESENT-FAILURE K--n']],
    ['CHECKPRESENT K--n', {}, ['CHECKPRESENT-SUCCESS K--n']],
    ['TRANSFER STORE K--n /f', {}, ['TRANSFER-SUCCESS STORE K--n']],
    ['TRANSFER RETRIEVE K--n /f', {}, ['TRANSFER-SUCCESS RETRIEVE K--n']],
    ['REMOVE K--n', {}, ['REMOVE-SUCCESS K--n']],
  ])('%s to a remote with %j is replied to with %j', async (line, parts, lines) => {
    const replies: readonly Reply[] = await handle(fakeRemote(parts), {} as Job, parseMessage(line) as Request)
    expect(replies.map(formatMessage)).toEqual(lines)
  })
})
