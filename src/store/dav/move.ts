import { StoreError } from '../../core/errors.ts'
import { type Answer, drop } from '../common/http-client.ts'
import { isAbsentStatus } from '../common/http-status.ts'
import type { DavCall, DavRequests } from './requests.ts'

/** Others may remove it each time that we find it there, but not so often. */
const TRIES = 20

/**
 * Renames a file. First so that it replaces nothing (RFC 4918, section 9.9): where a directory is
 * in the way, a server would remove it with all that is in it. Throws `missing` when there is no
 * such file or no directory for it (`onReplace` is called before it replaces one), `conflict` when
 * there is a file and `ifAbsent`, and `unsupported` when there is a directory.
 */
export async function moveFile(
  requests: DavRequests,
  call: DavCall,
  from: string,
  to: string,
  { ifAbsent, onReplace }: { readonly ifAbsent: boolean; readonly onReplace?: () => void },
): Promise<void> {
  const move = async (overwrite: 'F' | 'T') => {
    call.mayChange?.()
    const headers = { destination: to, overwrite }
    const answer = await requests.send(call, from, { method: 'MOVE', headers })
    await drop(answer)
    return answer
  }
  for (let tries = 1; ; tries++) {
    const answer = await move('F')
    if (isDone(answer)) return
    if (answer.status !== 412) throw failedMove(requests, call, answer)
    const there = await requests.look(call, to)
    if (there === undefined && tries < TRIES) continue // it was removed meanwhile
    if (there === undefined) throw failedMove(requests, call, answer)
    if (there.isCollection) throw requests.refusal(call, `has a directory at ${to}`)
    if (ifAbsent) throw exists(call)
    onReplace?.()
    const replaced = await move('T')
    if (isDone(replaced)) return
    throw failedMove(requests, call, replaced)
  }
}

function isDone({ status }: Answer): boolean {
  return status === 201 || status === 204 || status === 200
}

function failedMove(requests: DavRequests, call: DavCall, answer: Answer): StoreError {
  const { op, where } = call
  if (isAbsentStatus(answer.status)) {
    return new StoreError({ kind: 'missing', op, where, message: 'no such file', sent: 'no' })
  }
  if (answer.status === 409) {
    return new StoreError({ kind: 'missing', op, where, message: 'no such directory', sent: 'no' })
  }
  return requests.failed(call, answer)
}

/** The error for a name that is taken. */
export function exists({ op, where }: DavCall): StoreError {
  return new StoreError({ kind: 'conflict', op, where, message: 'there is a file already', sent: 'no' })
}
