import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Job } from '../../src/annex/remote.ts'
import { fakeRemote, hold, Talk, talk } from './talk.ts'

describe('the extensions', () => {
  test.each([
    ['INFO GETGITREMOTENAME ASYNC', ['ASYNC', 'GETGITREMOTENAME', 'INFO']],
    ['INFO ASYNC UNAVAILABLERESPONSE GETORDERED DELEGATE', ['ASYNC', 'INFO']],
    ['', []],
  ])('%j are answered with those of them that we use: %j', async (offered, used) => {
    const [version, answer = ''] = (await talk(fakeRemote(), offered)).said
    expect(version).toBe('VERSION 1')
    const [verb, ...names] = answer.split(' ').filter((word) => word !== '')
    expect([verb, ...names.sort()]).toEqual(['EXTENSIONS', ...used])
  })

  test('are answered without ASYNC when one job is all there is', async () => {
    const conversation = new Talk(fakeRemote(), { async: false })
    conversation.say('EXTENSIONS INFO ASYNC', 'CHECKPRESENT K--1')
    expect(await conversation.rest()).toEqual(['VERSION 1', 'EXTENSIONS INFO', 'CHECKPRESENT-SUCCESS K--1'])
  })

  test('that git-annex does not mention are not used', async () => {
    const conversation = await talk(
      fakeRemote({
        prepare: async (job) => {
          expect(await job.getGitRemoteName()).toBeUndefined()
          job.info('for the user')
        },
      }),
      '',
    )
    conversation.say('PREPARE')
    expect(await conversation.rest()).toEqual(['DEBUG for the user', 'PREPARE-SUCCESS'])
  })
})

describe('one job', () => {
  test('is a serial conversation: the second request waits for the reply to the first', async () => {
    const began: string[] = []
    const first = hold<boolean>()
    const remote = fakeRemote({
      checkPresent: async (_job, key) => {
        began.push(key)
        return key === 'K--1' ? first.promise : true
      },
    })
    const conversation = await talk(remote)
    conversation.say('J 1 CHECKPRESENT K--1', 'J 1 CHECKPRESENT K--2')
    expect(await conversation.rest()).toEqual([])
    expect(began).toEqual(['K--1'])
    first.resolve(false)
    expect(await conversation.rest()).toEqual(['J 1 CHECKPRESENT-FAILURE K--1', 'J 1 CHECKPRESENT-SUCCESS K--2'])
  })

  test('gets the answers to its questions in their order', async () => {
    const remote = fakeRemote({
      whereis: async (job) => (await Promise.all([job.getConfig('a'), job.getUuid(), job.getConfig('b')])).join('|'),
    })
    const conversation = await talk(remote)
    conversation.say('J 1 WHEREIS K--1')
    expect(await conversation.rest()).toEqual(['J 1 GETCONFIG a', 'J 1 GETUUID', 'J 1 GETCONFIG b'])
    conversation.say('J 1 VALUE one', 'J 1 VALUE ', 'J 1 VALUE three  ')
    expect(await conversation.rest()).toEqual(['J 1 WHEREIS-SUCCESS one||three  '])
  })
})

describe('credentials', () => {
  const asking = () => fakeRemote({ whereis: async (job) => `${JSON.stringify(await job.getCreds('s3creds'))}` })

  test.each([
    ['CREDS me pass word ', '{"user":"me","password":"pass word "}'],
    ['CREDS  ', 'undefined'],
  ])('that git-annex answers with %j are %s', async (answer, got) => {
    const conversation = await talk(asking())
    conversation.say('J 1 WHEREIS K--1')
    expect(await conversation.rest()).toEqual(['J 1 GETCREDS s3creds'])
    conversation.say(`J 1 ${answer}`)
    expect(await conversation.rest()).toEqual([`J 1 WHEREIS-SUCCESS ${got}`])
  })

  test('are given to git-annex in one line', async () => {
    const initialize = async (job: Job) => job.setCreds('s3creds', 'me', 'pass word')
    const conversation = await talk(fakeRemote({ initialize }))
    conversation.say('J 1 INITREMOTE')
    expect(await conversation.rest()).toEqual(['J 1 SETCREDS s3creds me pass word', 'J 1 INITREMOTE-SUCCESS'])
  })

  test('do not show in the error when they cannot be read', async () => {
    const failing = fakeRemote({ store: async (job) => void (await job.getCreds('s3creds')) })
    const conversation = await talk(failing)
    conversation.say('J 1 TRANSFER STORE K--1 /f')
    await conversation.rest()
    conversation.say('J 1 CREDS secret')
    expect(await conversation.rest()).toEqual([
      'J 1 TRANSFER-FAILURE STORE K--1 git-annex answered with CREDS that cannot be read',
    ])
  })
})

describe('several jobs', () => {
  test('are handled at once, each reply with the number of its job', async () => {
    const open = new Map<string, (present: boolean) => void>()
    const remote = fakeRemote({
      checkPresent: (_job, key) => new Promise((resolve) => open.set(key, resolve)),
    })
    const conversation = await talk(remote)
    conversation.say('J 1 CHECKPRESENT K--1', 'J 2 CHECKPRESENT K--2', 'J 30 CHECKPRESENT K--1x')
    await conversation.rest()
    expect([...open.keys()]).toEqual(['K--1', 'K--2', 'K--1x'])
    open.get('K--1x')?.(true)
    open.get('K--2')?.(false)
    expect(await conversation.rest()).toEqual(['J 30 CHECKPRESENT-SUCCESS K--1x', 'J 2 CHECKPRESENT-FAILURE K--2'])
    open.get('K--1')?.(true)
    expect(await conversation.rest()).toEqual(['J 1 CHECKPRESENT-SUCCESS K--1'])
  })

  test('never get each other’s answers, in whatever order they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }), async (order) => {
        const remote = fakeRemote({
          whereis: async (job, key) => `${key} ${await job.getConfig(key)} ${await job.getUuid()}`,
        })
        const conversation = await talk(remote)
        conversation.say(...[1, 2, 3, 4, 5].map((n) => `J ${n} WHEREIS K--${n}`))
        await conversation.rest()
        conversation.say(...order.map((n) => `J ${n} VALUE first ${n}`))
        await conversation.rest()
        conversation.say(...[...order].reverse().map((n) => `J ${n} VALUE second ${n}`))
        const replies = await conversation.rest()
        expect(replies.sort()).toEqual(
          [1, 2, 3, 4, 5].map((n) => `J ${n} WHEREIS-SUCCESS K--${n} first ${n} second ${n}`),
        )
      }),
      { numRuns: 30 },
    )
  })

  test('do not stop when one of them fails', async () => {
    const slow = hold()
    const remote = fakeRemote({
      store: (_job, key) => (key === 'K--bad' ? Promise.reject(new Error('no space')) : slow.promise),
    })
    const conversation = await talk(remote)
    conversation.say('J 1 TRANSFER STORE K--good /f', 'J 2 TRANSFER STORE K--bad /f', 'J 2 CHECKPRESENT K--bad')
    expect(await conversation.rest()).toEqual([
      'J 2 TRANSFER-FAILURE STORE K--bad no space',
      'J 2 CHECKPRESENT-SUCCESS K--bad',
    ])
    slow.resolve()
    expect(await conversation.rest()).toEqual(['J 1 TRANSFER-SUCCESS STORE K--good'])
  })
})

describe('without ASYNC', () => {
  test('all is one job, and no line has a number', async () => {
    const remote = fakeRemote({ cost: async () => 200, whereis: async (job) => job.getConfig('url') })
    const conversation = await talk(remote, 'INFO')
    conversation.say('PREPARE', 'GETCOST', 'WHEREIS K--1')
    expect(await conversation.rest()).toEqual(['PREPARE-SUCCESS', 'COST 200', 'GETCONFIG url'])
    conversation.say('VALUE there')
    expect(await conversation.rest()).toEqual(['WHEREIS-SUCCESS there'])
  })

  test('not even EXTENSIONS needs to be said', async () => {
    const conversation = new Talk(fakeRemote())
    conversation.say('PREPARE')
    expect(await conversation.rest()).toEqual(['VERSION 1', 'PREPARE-SUCCESS'])
  })
})

describe('what a remote says', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('of its progress goes to its job, ten times a second at most', async () => {
    const remote = fakeRemote({
      store: async (job) => {
        for (let ms = 0; ms < 1000; ms += 10) {
          vi.advanceTimersByTime(10)
          job.progress(ms)
        }
      },
    })
    const conversation = await talk(remote)
    conversation.say('J 7 TRANSFER STORE K--1 /f')
    const lines = await conversation.rest()
    expect(lines.filter((line) => line.startsWith('J 7 PROGRESS '))).toHaveLength(10)
    expect(lines.at(-1)).toBe('J 7 TRANSFER-SUCCESS STORE K--1')
  })

  test.each(['resolve', 'reject'] as const)(
    'after its method did %s is not sent: the next request would get it',
    async (end) => {
      const jobs: Job[] = []
      const remote = fakeRemote({
        store: async (job) => {
          jobs.push(job)
          if (end === 'reject') throw new Error('gave up')
        },
      })
      const conversation = await talk(remote)
      conversation.say('J 1 TRANSFER STORE K--1 /f')
      await conversation.rest()
      vi.advanceTimersByTime(1000)
      jobs[0]?.progress(1000)
      jobs[0]?.info('late')
      jobs[0]?.debug('late')
      jobs[0]?.setConfig('a', 'late')
      await expect(jobs[0]?.getConfig('a')).rejects.toThrow('after the reply')
      expect(await conversation.rest()).toEqual([])
      conversation.say('J 1 CHECKPRESENT K--1')
      expect(await conversation.rest()).toEqual(['J 1 CHECKPRESENT-SUCCESS K--1'])
    },
  )
})

describe('when git-annex goes away', () => {
  test('what is under way is aborted and no line is sent any more', async () => {
    let signal: AbortSignal | undefined
    const remote = fakeRemote({
      store: (job) => {
        signal = job.signal
        return new Promise((_resolve, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason)))
      },
    })
    const conversation = await talk(remote)
    conversation.say('J 1 TRANSFER STORE K--1 /f')
    await conversation.rest()
    conversation.server.stop(0)
    expect(signal?.aborted).toBe(true)
    expect(await conversation.server.ended).toBe(0)
    expect(await conversation.rest()).toEqual([])
  })

  test('who waits for an answer waits no longer', async () => {
    const failed = hold<unknown>()
    const remote = fakeRemote({
      prepare: async (job) => {
        await job.getConfig('url').catch(failed.resolve)
      },
    })
    const conversation = await talk(remote)
    conversation.say('J 1 PREPARE')
    await conversation.rest()
    conversation.server.stop(0)
    expect(await failed.promise).toMatchObject({ message: 'git-annex ended the conversation' })
  })

  test('the first exit code counts', async () => {
    const conversation = await talk(fakeRemote())
    conversation.server.stop(143)
    conversation.server.stop(0)
    expect(await conversation.server.ended).toBe(143)
  })
})
