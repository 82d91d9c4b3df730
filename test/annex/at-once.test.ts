import { expect, test } from 'vitest'
import { fakeRemote, hold, talk } from './talk.ts'

test('what the remote does at once is replied to before the next line is read', async () => {
  const conversation = await talk(fakeRemote({ atOnce: () => ({ result: 'absent' }) }))
  const said = conversation.said.length
  conversation.say('J 1 CHECKPRESENT K--1', 'J 2 REMOVE K--2')
  expect(conversation.said.slice(said)).toEqual(['J 1 CHECKPRESENT-FAILURE K--1', 'J 2 REMOVE-SUCCESS K--2'])
})

test('what it does not do at once is done in the ordinary way', async () => {
  const conversation = await talk(fakeRemote({ atOnce: () => undefined, checkPresent: async () => false }))
  conversation.say('J 1 CHECKPRESENT K--1')
  expect(await conversation.next()).toBe('J 1 CHECKPRESENT-FAILURE K--1')
})

test('a request that comes while another of its job is under way waits, though it could be done at once', async () => {
  const first = hold<boolean>()
  const asked: string[] = []
  const remote = fakeRemote({
    checkPresent: () => first.promise,
    atOnce: ({ key }) => {
      asked.push(key)
      return key === 'K--1' ? undefined : { result: 'present' }
    },
  })
  const conversation = await talk(remote)
  const said = conversation.said.length
  conversation.say('J 1 CHECKPRESENT K--1', 'J 1 CHECKPRESENT K--2', 'J 2 CHECKPRESENT K--3')
  expect(conversation.said.slice(said)).toEqual(['J 2 CHECKPRESENT-SUCCESS K--3'])
  first.resolve(false)
  expect(await conversation.next()).toBe('J 2 CHECKPRESENT-SUCCESS K--3')
  expect(await conversation.next()).toBe('J 1 CHECKPRESENT-FAILURE K--1')
  expect(await conversation.next()).toBe('J 1 CHECKPRESENT-FAILURE K--2')
  conversation.say('J 1 CHECKPRESENT K--4')
  expect(await conversation.next()).toBe('J 1 CHECKPRESENT-SUCCESS K--4')
  expect(asked).toEqual(['K--1', 'K--3', 'K--4'])
})

test.each([
  [
    'throws',
    () => {
      throw new Error('the disk is gone')
    },
  ],
  ['ends later', () => Promise.reject(new Error('the disk is gone'))],
])('a failure that it %s is told as a failure', async (_how, atOnce) => {
  const conversation = await talk(fakeRemote({ atOnce }))
  conversation.say('J 1 CHECKPRESENT K--1')
  expect(await conversation.next()).toBe('J 1 CHECKPRESENT-UNKNOWN K--1 the disk is gone')
  conversation.say('J 1 TRANSFER STORE K--2 file')
  expect(await conversation.next()).toBe('J 1 TRANSFER-FAILURE STORE K--2 the disk is gone')
})
