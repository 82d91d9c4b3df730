import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { frame } from '../../src/annex/framing.ts'
import { formatMessage, parseMessage } from '../../src/annex/messages.ts'
import { scriptedRemote } from './scripted-remote.ts'
import { Talk } from './talk.ts'
import { type Event, readTranscripts } from './transcript.ts'

const transcripts = await readTranscripts()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(transcripts)('the recorded conversation $name', ({ processes }) => {
  test('holds nothing of git-annex that we would not understand', () => {
    for (const { from, message } of processes.flat()) {
      if (from !== 'git-annex') continue
      expect(parseMessage(message).verb).not.toBe('UNKNOWN')
      expect(formatMessage(parseMessage(message))).toBe(message)
    }
  })

  test.each(processes.map((events, i) => [i + 1, events] as const))('is held again, process %i', async (_n, events) => {
    await replay(events)
  })
})

test('the recordings have every request that git-annex makes of us', () => {
  const verbs = new Set(
    transcripts.flatMap(({ processes }) => processes.flat().map(({ message }) => message.split(' ')[0])),
  )
  for (const verb of ['EXTENSIONS', 'LISTCONFIGS', 'INITREMOTE', 'PREPARE', 'EXPORTSUPPORTED', 'GETCOST']) {
    expect(verbs).toContain(verb)
  }
  for (const verb of ['GETAVAILABILITY', 'GETINFO', 'TRANSFER', 'CHECKPRESENT', 'REMOVE', 'WHEREIS', 'PROGRESS']) {
    expect(verbs).toContain(verb)
  }
})

/**
 * Each job says and hears its lines in the order of the transcript; between jobs the order is free.
 */
async function replay(events: readonly Event[]): Promise<void> {
  const talk = new Talk(scriptedRemote(events))
  const isAsync = events.some(({ job }) => job > 0)
  const heard = new Map<number, string[]>()
  let position = 0
  const next = async (job: number): Promise<string | undefined> => {
    const line = (message: string) => (job === 0 ? message : frame({ job, message }))
    for (let turn = 0; turn < 1000; turn++) {
      for (; position < talk.said.length; position++) {
        const said = talk.said[position] ?? ''
        const of = isAsync ? Number(/^J (\d+) /.exec(said)?.[1] ?? 0) : 0
        heard.set(of, [...(heard.get(of) ?? []), said])
      }
      const first = heard.get(job)?.shift()
      if (first !== undefined) return first.slice(line('').length)
      await new Promise(setImmediate)
    }
    return undefined
  }
  const hold = async (job: number) => {
    for (const event of events.filter((each) => each.job === job)) {
      if (event.from === 'us') expect(inAnyOrder(await next(job))).toBe(inAnyOrder(event.message))
      else talk.say(job === 0 ? event.message : frame({ job, message: event.message }))
    }
  }
  await hold(0)
  const jobs = new Set(events.map(({ job }) => job).filter((job) => job > 0))
  await Promise.all([...jobs].map(hold))
  await new Promise(setImmediate)
  expect(talk.said).toHaveLength(events.filter(({ from }) => from === 'us').length)
  talk.server.stop(0)
  expect(await talk.server.ended).toBe(0)
}

/** The order of the extensions means nothing. */
function inAnyOrder(message: string | undefined): string | undefined {
  return message?.startsWith('EXTENSIONS ') ? message.split(' ').sort().join(' ') : message
}
