import { createHash } from 'node:crypto'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { drop } from '../common/http-client.ts'
import { temporaryName } from '../temporary.ts'
import { exists, moveFile } from './move.ts'
import { parentOf } from './paths.ts'
import { pause } from './pause.ts'
import type { DavCall, DavRequests } from './requests.ts'

/** So long we wait before we look at another's claim again. ms. */
const PAUSE_MS = 50

/** So often a claim is taken away, or looked for in vain, before that is an error. */
const TAKEN_AWAY = 3
const LOOKED_FOR = 5

/** So long a server may take to remove a claim. ms. */
const CLEANUP_MS = 30_000

/**
 * Renames a file to a name that nobody has. Servers look whether there is a file before they rename
 * another to its name, so two who do so at once may both be told that they did. To make a directory
 * is one step: of several who make it one does. That is the claim, and what is renamed goes through
 * it. So a claim can be taken away at any time, by renaming it: what its owner still wants to
 * rename is not found then. Throws `conflict` when there is a file, `missing` when there is no such
 * file or no directory for it, `transient` when the claim was taken away; then the file is gone.
 */
export async function moveToFree(requests: DavRequests, call: DavCall, from: string, to: string): Promise<void> {
  if (requests.makesOnce === false) return moveFile(requests, call, from, to, { ifAbsent: true })
  const claim = claimOf(to)
  const inside = `${claim}/${temporaryName()}`
  await take(requests, call, to, claim)
  try {
    requests.makesOnce ??= await isMadeOnce(requests, call, claim)
    if (!requests.makesOnce) return await moveFile(requests, call, from, to, { ifAbsent: true })
    await refuseTaken(requests, call, to)
    await moveFile(requests, call, from, inside, { ifAbsent: true })
    await moveFile(requests, call, inside, to, { ifAbsent: true }).catch((error: unknown) => {
      if (!isStoreError(error, 'missing')) throw error
      const { op, where } = call
      const message = 'somebody took our claim to the name away, which had not moved for long'
      throw new StoreError({ kind: 'transient', op, where, message, sent: 'no', cause: error })
    })
  } finally {
    const removed = remove(requests, call, claim)
    if (!call.signal.aborted) await removed
  }
}

/**
 * Whether the server refuses to make a directory that is there (RFC 4918, section 9.3.1). One that
 * does not (rclone's) cannot be asked for claims: there the rename alone has to replace nothing.
 */
async function isMadeOnce(requests: DavRequests, call: DavCall, claim: string): Promise<boolean> {
  const answer = await requests.send(call, `${claim}/`, { method: 'MKCOL' })
  await drop(answer)
  if (answer.status === 405) return true
  if (answer.status === 201 || answer.status === 200) return false
  throw requests.failed(call, answer)
}

/** The URL of the claim to a name. */
export function claimOf(url: string): string {
  return `${parentOf(url)}/riastore-claim-${createHash('sha256').update(url).digest('hex').slice(0, 24)}`
}

async function take(requests: DavRequests, call: DavCall, to: string, claim: string): Promise<void> {
  let since = performance.now()
  for (let takenAway = 0, inVain = 0; ; ) {
    const answer = await requests.send(call, `${claim}/`, { method: 'MKCOL' })
    await drop(answer)
    if (answer.status === 201) return
    const { op, where } = call
    if (answer.status === 409) throw new StoreError({ kind: 'missing', op, where, message: 'no such directory' })
    await refuseTaken(requests, call, to)
    // Some servers say that it is forbidden to make what is there. It may just be gone, too.
    const isThere = answer.status === 405 || (await requests.look(call, claim)) !== undefined
    if (!isThere && ++inVain > LOOKED_FOR) throw requests.failed(call, answer)
    if (performance.now() - since > requests.claimStaleMs) {
      if (++takenAway > TAKEN_AWAY) throw requests.refusal(call, `keeps a claim that has to be removed: ${claim}`)
      await takeAway(requests, call, claim)
      since = performance.now()
    }
    await pause(PAUSE_MS * (0.5 + Math.random()), call.signal)
    call.onProgress?.(0)
  }
}

/** Renames it first: a directory is removed file by file, and renamed in one step. */
async function takeAway(requests: DavRequests, call: DavCall, claim: string): Promise<void> {
  const aside = `${parentOf(claim)}/${temporaryName()}`
  const headers = { destination: aside, overwrite: 'F' }
  await drop(await requests.send(call, claim, { method: 'MOVE', headers }))
  await remove(requests, call, aside)
}

/** What stays is taken away by who needs the name next. Never rejects. */
async function remove(requests: DavRequests, call: DavCall, claim: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEANUP_MS)
  const answer = await requests.send({ ...call, signal }, `${claim}/`, { method: 'DELETE' }).catch(() => undefined)
  if (answer !== undefined) await drop(answer)
}

async function refuseTaken(requests: DavRequests, call: DavCall, to: string): Promise<void> {
  const found = await requests.look(call, to)
  if (found !== undefined && !found.isCollection) throw exists(call)
}
