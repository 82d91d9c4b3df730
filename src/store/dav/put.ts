import { abortedError } from '../../core/abort.ts'
import { isStoreError, StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import { checkedSource } from '../common/checked-source.ts'
import { drop } from '../common/http-client.ts'
import { isAbsentStatus } from '../common/http-status.ts'
import type { PutOptions, Stat } from '../store.ts'
import { temporaryName } from '../temporary.ts'
import { moveToFree } from './claim.ts'
import type { DavDirectories } from './directories.ts'
import { moveFile } from './move.ts'
import { parentOf } from './paths.ts'
import { pause } from './pause.ts'
import type { DavCall, DavRequests } from './requests.ts'

/** Directories that others remove as soon as they are empty are made again, so often. */
const PRUNED_TRIES = 20

/** So long a server may take to remove what is left of an upload. ms. */
const CLEANUP_MS = 30_000
const CLEANUP_PAUSES_MS = [20, 50, 100, 200, 0]

/** So long it may take until others have replaced what we stored. ms. */
const LOOK_AGAIN_MS = [10, 50, 200, 1_000, 3_000]

export interface DavPut {
  /** URLs: of the file, and of the directory for the temporary one. */
  readonly file: string
  readonly temporary: string | undefined
  readonly within: string | undefined
  readonly source: Source
  readonly options: PutOptions
}

/**
 * Stores a file under a name of its own, sees to it that it has its length, and renames it: what a
 * server keeps of an upload that broke off never has the name of the file.
 */
export async function putFile(
  requests: DavRequests,
  directories: DavDirectories,
  call: DavCall,
  put: DavPut,
): Promise<Stat> {
  const { file, source, within, options } = put
  const place = put.temporary ?? parentOf(file)
  const target = `${place}/${temporaryName()}`
  // A server that failed to replace a file may have removed it before.
  let mayBeLast = false
  try {
    await withDirectory(directories, call, place, put.temporary === undefined ? within : undefined, () =>
      upload(requests, call, target, source, options),
    )
    const stored = await requests.stat(call, target)
    if (stored?.size !== source.size) {
      const message = `${requests.host} has ${stored?.size ?? 'none'} of ${source.size} bytes that were sent`
      throw new StoreError({ kind: 'corrupt', op: call.op, where: call.where, message })
    }
    const onReplace = () => {
      mayBeLast = true
    }
    await withDirectory(directories, call, parentOf(file), within, () =>
      options.ifAbsent
        ? moveToFree(requests, call, target, file)
        : moveFile(requests, call, target, file, { ifAbsent: false, onReplace }),
    )
    // Some servers give a file another ETag when it gets its name. Another's file has its own Stat.
    const seen = await seeStored(requests, call, file)
    if (seen === undefined) {
      const message = `${requests.host} said that it is stored, but has no such file`
      throw new StoreError({ kind: 'conflict', op: call.op, where: call.where, message })
    }
    return seen.size === stored.size ? seen : stored
  } catch (error) {
    if (mayBeLast && !(await isThere(requests, call, file))) throw error
    const removed = removeTemporary(requests, call, target)
    if (!call.signal.aborted) await removed
    throw error
  }
}

/** False also when it cannot be known. */
async function isThere(requests: DavRequests, call: DavCall, file: string): Promise<boolean> {
  const signal = AbortSignal.timeout(CLEANUP_MS)
  return (await requests.stat({ ...call, signal }, file).catch(() => undefined)) !== undefined
}

/**
 * Looks at a file that was just stored. Where others store it too, a server may have none for a
 * moment: that of one who removes the old one first.
 */
async function seeStored(requests: DavRequests, call: DavCall, file: string): Promise<Stat | undefined> {
  for (const ms of LOOK_AGAIN_MS) {
    const seen = await requests.stat(call, file)
    if (seen !== undefined) return seen
    await pause(ms, call.signal)
  }
  return requests.stat(call, file)
}

/** Does what needs a directory, and makes that again when others removed it before. */
export async function withDirectory(
  directories: DavDirectories,
  call: DavCall,
  directory: string,
  within: string | undefined,
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    await directories.make(call, directory, within)
    try {
      return await work()
    } catch (error) {
      if (!isStoreError(error, 'missing') || tries === PRUNED_TRIES) throw error
      directories.forget()
    }
  }
}

async function upload(
  requests: DavRequests,
  call: DavCall,
  target: string,
  source: Source,
  options: PutOptions,
): Promise<void> {
  const { signal } = call
  const bytes = counted(checkedSource(source, call.where, signal), options)
  const headers = { 'content-type': 'application/octet-stream' }
  const answer = await requests.send(call, target, {
    method: 'PUT',
    headers,
    body: { length: source.size, bytes },
  })
  await drop(answer)
  if (signal.aborted) throw abortedError(call.op, call.where, signal)
  const { status } = answer
  if (status === 201 || status === 204 || status === 200) return
  if (status === 404 || status === 409) {
    throw new StoreError({ kind: 'missing', op: call.op, where: call.where, message: 'no such directory', sent: 'no' })
  }
  throw requests.failed(call, answer)
}

async function* counted(bytes: Bytes, { onProgress }: PutOptions): Bytes {
  let count = 0
  for await (const chunk of bytes) {
    yield chunk
    count += chunk.length
    onProgress?.(count)
  }
}

/**
 * Removes what is left of an upload. Of one that broke off a server may make a file after it said
 * that there is none: it is asked again. Who was told to stop does not wait for this. Never
 * rejects.
 */
async function removeTemporary(requests: DavRequests, call: DavCall, target: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEANUP_MS)
  for (const ms of CLEANUP_PAUSES_MS) {
    const answer = await requests.send({ ...call, signal }, target, { method: 'DELETE' }).catch(() => undefined)
    if (answer === undefined) return
    await drop(answer)
    if (!isAbsentStatus(answer.status)) return
    await pause(ms, signal)
  }
}
