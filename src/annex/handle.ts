import { messageOf } from '../core/errors.ts'
import type { KeyRequest, Reply, Request } from './messages.ts'
import type { Job, SpecialRemote } from './remote.ts'
import { type Outcome, replyTo } from './replies.ts'

/** Handles one request of git-annex. Never rejects: what goes wrong is part of the replies. */
export async function handle(remote: SpecialRemote, job: Job, request: Request): Promise<readonly Reply[]> {
  switch (request.verb) {
    case 'TRANSFER':
    case 'CHECKPRESENT':
    case 'REMOVE':
      return [replyTo(request, await outcomeOf(remote, job, request))]
    case 'INITREMOTE':
      return attempt(
        async () => {
          await remote.initialize(job)
          return [{ verb: 'INITREMOTE-SUCCESS' }]
        },
        (message) => ({ verb: 'INITREMOTE-FAILURE', message }),
      )
    case 'PREPARE':
      return attempt(
        async () => {
          await remote.prepare(job)
          return [{ verb: 'PREPARE-SUCCESS' }]
        },
        (message) => ({ verb: 'PREPARE-FAILURE', message }),
      )
    case 'LISTCONFIGS':
      return [
        ...remote.settings.map(({ name, description }) => ({ verb: 'CONFIG', name, description }) as const),
        { verb: 'CONFIGEND' },
      ]
    case 'WHEREIS':
      return attempt(
        async () => {
          const place = await remote.whereis(job, request.key)
          return [place === undefined ? { verb: 'WHEREIS-FAILURE' } : { verb: 'WHEREIS-SUCCESS', place }]
        },
        () => ({ verb: 'WHEREIS-FAILURE' }),
      )
    case 'GETCOST':
      return attempt(async () => [{ verb: 'COST', cost: await remote.cost(job) }], unsupported)
    case 'GETAVAILABILITY':
      return attempt(async () => [{ verb: 'AVAILABILITY', availability: await remote.availability(job) }], unsupported)
    case 'GETINFO':
      return attempt(async () => {
        const fields = await remote.info(job)
        return [
          ...fields.flatMap(([name, value]) => [
            { verb: 'INFOFIELD', name } as const,
            { verb: 'INFOVALUE', value } as const,
          ]),
          { verb: 'INFOEND' },
        ]
      }, unsupported)
    case 'EXPORTSUPPORTED':
      return [{ verb: 'EXPORTSUPPORTED-FAILURE' }]
    case 'CLAIMURL':
      return [{ verb: 'CLAIMURL-FAILURE' }]
    case 'CHECKURL':
    case 'EXTENSIONS':
      return [{ verb: 'UNSUPPORTED-REQUEST' }]
  }
}

/**
 * The reply to a request that the remote handles without waiting; undefined for any other. May be a
 * promise, which never rejects.
 */
export function handleAtOnce(remote: SpecialRemote, request: Request): Reply | Promise<Reply> | undefined {
  if (request.verb !== 'TRANSFER' && request.verb !== 'CHECKPRESENT' && request.verb !== 'REMOVE') return undefined
  const failed = (error: unknown) => replyTo(request, { result: 'failed', error })
  try {
    const outcome = remote.atOnce?.(request)
    if (!(outcome instanceof Promise)) return outcome && replyTo(request, outcome)
    return outcome.then((ended) => replyTo(request, ended), failed)
  } catch (error) {
    return failed(error)
  }
}

async function outcomeOf(remote: SpecialRemote, job: Job, request: KeyRequest): Promise<Outcome> {
  try {
    switch (request.verb) {
      case 'CHECKPRESENT':
        return { result: (await remote.checkPresent(job, request.key)) ? 'present' : 'absent' }
      case 'REMOVE':
        await remote.remove(job, request.key)
        return { result: 'done' }
      case 'TRANSFER':
        if (request.direction === 'STORE') await remote.store(job, request.key, request.file)
        else await remote.retrieve(job, request.key, request.file)
        return { result: 'done' }
    }
  } catch (error) {
    return { result: 'failed', error }
  }
}

async function attempt(
  work: () => Promise<readonly Reply[]>,
  failed: (message: string) => Reply,
): Promise<readonly Reply[]> {
  try {
    return await work()
  } catch (error) {
    return [failed(messageOf(error))]
  }
}

function unsupported(): Reply {
  return { verb: 'UNSUPPORTED-REQUEST' }
}
