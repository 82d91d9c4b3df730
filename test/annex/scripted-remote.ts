import { expect, vi } from 'vitest'
import type { Job, SpecialRemote } from '../../src/annex/remote.ts'
import type { Event } from './transcript.ts'

/** What is said between a request and its reply, and the reply. */
interface Scene {
  readonly asides: readonly Event[]
  readonly reply: readonly string[]
}

const ASIDE = /^(PROGRESS|GETCONFIG|SETCONFIG|GETUUID|GETGITDIR|GETGITREMOTENAME|DEBUG|INFO|VALUE)( |$)/
const REQUEST =
  /^(LISTCONFIGS|INITREMOTE|PREPARE|EXPORTSUPPORTED|GETCOST|GETAVAILABILITY|GETINFO|WHEREIS|CHECKPRESENT|REMOVE|TRANSFER)( |$)/

/**
 * A remote that asks, says and does, request by request, what the one did that was recorded. Needs
 * a faked clock.
 */
export function scriptedRemote(events: readonly Event[]): SpecialRemote {
  const scenes = scenesOf(events)
  const play = async (request: string, job: Job): Promise<string> => {
    const scene = scenes.get(request)?.shift()
    if (scene === undefined) throw new Error(`the transcript has no (further) ${request}`)
    for (const [i, { from, message }] of scene.asides.entries()) {
      if (from === 'us') await playAside(job, message, scene.asides[i + 1]?.message)
    }
    return scene.reply.join('\n')
  }
  const succeed = async (request: string, job: Job): Promise<void> => {
    const reply = await play(request, job)
    const [, message] = /^\S+-FAILURE(?: (?:STORE|RETRIEVE))?(?: \S+--\S+)? ?(.*)$/s.exec(reply) ?? []
    if (message !== undefined) throw new Error(message)
  }
  return {
    settings: events.flatMap(({ message }) => {
      const [, name, description] = /^CONFIG (\S+) (.*)$/.exec(message) ?? []
      return name === undefined || description === undefined ? [] : [{ name, description }]
    }),
    initialize: (job) => succeed('INITREMOTE', job),
    prepare: (job) => succeed('PREPARE', job),
    store: (job, key, file) => succeed(`TRANSFER STORE ${key} ${file}`, job),
    retrieve: (job, key, file) => succeed(`TRANSFER RETRIEVE ${key} ${file}`, job),
    remove: (job, key) => succeed(`REMOVE ${key}`, job),
    checkPresent: async (job, key) => {
      const reply = await play(`CHECKPRESENT ${key}`, job)
      const [, unknown] = /^CHECKPRESENT-UNKNOWN \S+ (.*)$/.exec(reply) ?? []
      if (unknown !== undefined) throw new Error(unknown)
      return reply.startsWith('CHECKPRESENT-SUCCESS')
    },
    whereis: async (job, key) => parameter(await play(`WHEREIS ${key}`, job)),
    cost: async (job) => Number(parameter(await play('GETCOST', job))),
    availability: async (job) => (parameter(await play('GETAVAILABILITY', job)) === 'LOCAL' ? 'LOCAL' : 'GLOBAL'),
    info: async (job) =>
      [...(await play('GETINFO', job)).matchAll(/^INFOFIELD (.*)\nINFOVALUE (.*)$/gm)].map(
        ([, name = '', value = '']) => [name, value] as const,
      ),
    close: async () => {},
  }
}

function scenesOf(events: readonly Event[]): Map<string, Scene[]> {
  const scenes = new Map<string, Scene[]>()
  const current = new Map<number, { asides: Event[]; reply: string[] }>()
  for (const event of events) {
    const { from, job, message } = event
    if (from === 'git-annex' && REQUEST.test(message)) {
      const scene = { asides: [], reply: [] }
      current.set(job, scene)
      scenes.set(message, [...(scenes.get(message) ?? []), scene])
    } else if (ASIDE.test(message)) current.get(job)?.asides.push(event)
    else if (from === 'us') current.get(job)?.reply.push(message)
  }
  return scenes
}

async function playAside(job: Job, message: string, answer: string | undefined): Promise<void> {
  const [verb, first = '', ...rest] = message.split(' ')
  const asked = async (value: Promise<string | undefined>) => expect(`VALUE ${await value}`).toBe(answer)
  switch (verb) {
    case 'GETCONFIG':
      return asked(job.getConfig(first))
    case 'GETUUID':
      return asked(job.getUuid())
    case 'GETGITDIR':
      return asked(job.getGitDir())
    case 'GETGITREMOTENAME':
      return asked(job.getGitRemoteName())
    case 'SETCONFIG':
      return job.setConfig(first, rest.join(' '))
    case 'PROGRESS':
      vi.advanceTimersByTime(1000)
      return job.progress(Number(first))
    case 'INFO':
      return job.info([first, ...rest].join(' '))
    default:
      throw new Error(`the transcript has ${message}`)
  }
}

function parameter(reply: string): string | undefined {
  const space = reply.indexOf(' ')
  return space < 0 ? undefined : reply.slice(space + 1)
}
