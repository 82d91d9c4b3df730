import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_LINE_BYTES } from '../../src/annex/framing.ts'
import { encode } from '../../src/core/text.ts'
import { anyBytes } from '../core/arbitrary.ts'
import { fakeRemote, hold, type Talk, talk } from './talk.ts'

/** A conversation in which job 1 is in the middle of an upload. */
async function withUpload(): Promise<{ conversation: Talk; finish: () => Promise<string[]> }> {
  const upload = hold()
  const conversation = await talk(fakeRemote({ store: () => upload.promise }))
  conversation.say('J 1 TRANSFER STORE K--1 /f')
  await conversation.rest()
  const finish = () => {
    upload.resolve()
    return conversation.rest()
  }
  return { conversation, finish }
}

const UPLOADED = ['J 1 TRANSFER-SUCCESS STORE K--1']

describe('a line that is no request is answered with UNSUPPORTED-REQUEST, and the other jobs go on:', () => {
  test.each<[string, string]>([
    ['an unknown verb', 'FROBNICATE now'],
    ['a verb with too few parameters', 'TRANSFER STORE K--2'],
    ['a verb with too many parameters', 'PREPARE now'],
    ['nothing but a job number', ''],
    ['a verb that is a property of every object', '__proto__'],
    ['a request that is longer than any', `CHECKPRESENT K--${'x'.repeat(1024 * 1024)}`],
  ])('%s', async (_what, message) => {
    const { conversation, finish } = await withUpload()
    conversation.say(`J 2 ${message}`)
    expect(await conversation.rest()).toEqual(['J 2 UNSUPPORTED-REQUEST'])
    conversation.say('J 2 CHECKPRESENT K--2')
    expect(await conversation.rest()).toEqual(['J 2 CHECKPRESENT-SUCCESS K--2'])
    expect(await finish()).toEqual(UPLOADED)
  })

  test('a request that is cut off is not taken for a shorter one', async () => {
    const removed: string[] = []
    const conversation = await talk(
      fakeRemote({
        remove: async (_job, key) => {
          removed.push(key)
        },
      }),
    )
    conversation.say(`J 1 REMOVE K--${'x'.repeat(MAX_LINE_BYTES)}`)
    expect((await conversation.rest()).at(-1)).toBe('J 1 UNSUPPORTED-REQUEST')
    expect(removed).toEqual([])
  })
})

describe('a line that cannot belong to any job ends the conversation with an error:', () => {
  test.each<[string, string]>([
    ['no job number', 'CHECKPRESENT K--2'],
    ['a job number that is none', 'J x CHECKPRESENT K--2'],
    ['job number 0', 'J 0 CHECKPRESENT K--2'],
    ['an endless job number', `J ${'9'.repeat(400)} CHECKPRESENT K--2`],
    ['a long line without a job number', 'x'.repeat(1024 * 1024)],
    ['EXTENSIONS once more', 'EXTENSIONS ASYNC'],
    ['an answer to nothing', 'J 2 VALUE something'],
    ['credentials for nothing', 'J 2 CREDS user password'],
  ])('%s', async (_what, line) => {
    const { conversation, finish } = await withUpload()
    conversation.say(line, 'J 3 CHECKPRESENT K--3')
    const [error, ...more] = await conversation.rest()
    expect(error).toMatch(/^ERROR .{5,200}$/)
    expect(more).toEqual([])
    expect(await conversation.server.ended).toBe(1)
    expect(await finish()).toEqual([])
  })
})

test('ERROR from git-annex ends the conversation, and nothing that came with it is done', async () => {
  const stored: string[] = []
  const conversation = await talk(
    fakeRemote({
      store: async (_job, key) => {
        stored.push(key)
      },
    }),
  )
  conversation.server.push(Buffer.from('ERROR I give up\nJ 1 TRANSFER STORE K--1 /f\n'))
  expect(await conversation.rest()).toEqual([])
  expect(await conversation.server.ended).toBe(1)
  expect(stored).toEqual([])
})

test.each(['', 'INFO GETGITREMOTENAME ASYNC'])('an empty line means nothing (extensions %j)', async (extensions) => {
  const conversation = await talk(fakeRemote(), extensions)
  conversation.say('', '')
  expect(await conversation.rest()).toEqual([])
})

describe('an answer that is none fails the request that asked, and no other:', () => {
  test.each<[string, string]>([
    ['an unknown verb', 'FROBNICATE'],
    ['credentials without a password', 'CREDS user'],
    ['credentials where a value was asked for', 'CREDS user password'],
    ['a value that is longer than any line', `VALUE ${'x'.repeat(1024 * 1024)}`],
  ])('%s', async (_what, message) => {
    const conversation = await talk(
      fakeRemote({
        checkPresent: async (job) => (await job.getConfig('url')) !== '',
      }),
    )
    conversation.say('J 1 CHECKPRESENT K--1', 'J 2 CHECKPRESENT K--2')
    await conversation.rest()
    conversation.say(`J 1 ${message}`)
    expect(await conversation.rest()).toEqual([
      expect.stringMatching(/^J 1 CHECKPRESENT-UNKNOWN K--1 git-annex answered/),
    ])
    conversation.say('J 2 VALUE somewhere')
    expect(await conversation.rest()).toEqual(['J 2 CHECKPRESENT-SUCCESS K--2'])
  })
})

test('bytes that are no UTF-8 come back as they were', async () => {
  const written: Buffer[] = []
  const { Server } = await import('../../src/annex/serve.ts')
  const server = new Server(fakeRemote(), (line) => written.push(encode(line)))
  const key = Buffer.from([0x4b, 0x2d, 0x2d, 0xff, 0xc3, 0x80, 0xc3])
  server.push(Buffer.concat([Buffer.from('CHECKPRESENT '), key, Buffer.from('\n')]))
  await new Promise(setImmediate)
  expect(written).toEqual([Buffer.concat([Buffer.from('CHECKPRESENT-SUCCESS '), key])])
})

test('input that ends in the middle of a line does nothing', async () => {
  const { conversation, finish } = await withUpload()
  conversation.server.push(Buffer.from('J 2 REMOVE K--'))
  expect(await conversation.rest()).toEqual([])
  conversation.server.stop(0)
  conversation.server.push(Buffer.from('2\n'))
  expect(await finish()).toEqual([])
  expect(await conversation.server.ended).toBe(0)
})

test('no input at all makes the server throw, and each line has at most one outcome', async () => {
  const lines = fc.oneof(
    anyBytes(),
    fc
      .tuple(
        fc.constantFrom('', 'J 1 ', 'J 2 ', 'J ', 'J x '),
        fc.constantFrom(
          'PREPARE',
          'TRANSFER STORE K--1 /f',
          'CHECKPRESENT K--1',
          'VALUE x',
          'LISTCONFIGS',
          'ERROR x',
          '?',
        ),
      )
      .map((parts) => encode(parts.join(''))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(lines, { maxLength: 8 }), fc.boolean(), async (input, isAsync) => {
      const conversation = await talk(fakeRemote(), isAsync ? 'ASYNC' : '')
      for (const line of input) conversation.server.push(Buffer.concat([line, Buffer.from('\n')]))
      const said = await conversation.rest()
      const outcomes = said.filter((line) => !/^(J \d+ )?CONFIG /.test(line))
      const count = input.reduce((sum, line) => sum + line.filter((byte) => byte === 10).length + 1, 0)
      expect(outcomes.length).toBeLessThanOrEqual(count)
    }),
    { numRuns: 300 },
  )
})
