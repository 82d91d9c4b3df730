import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { DOES_NOT_SAY_LENGTH } from '../common/http-body.ts'
import type { Answer } from '../common/http-client.ts'
import { isAbsentStatus } from '../common/http-status.ts'
import type { GetOptions, Stat } from '../store.ts'

/**
 * Whether an answer to HEAD may be about HEAD itself: some servers, and what stands before them,
 * refuse it with a status that says nothing of that. To be asked for a part is another matter.
 */
export function refusesHead(status: number): boolean {
  const isAboutFile = isAbsentStatus(status) || [401, 407, 408, 425, 429].includes(status)
  return status === 501 || (status >= 400 && status < 500 && !isAboutFile)
}

export function lengthUnknown(op: string, url: string, { host, response }: Answer): StoreError {
  const message = `${host} ${DOES_NOT_SAY_LENGTH} (HTTP/${response.httpVersion} without a Content-Length)`
  return failure('unsupported', op, url, message)
}

export function refuseOther(url: string, stat: Stat, { ifMatch }: GetOptions): void {
  // Compared here, not by If-Match: servers ignore it for weak ETags, and some refuse every quoted
  // one.
  if (ifMatch !== undefined && ifMatch !== stat.identity) {
    throw failure('conflict', 'get', url, 'the file was replaced meanwhile')
  }
}

export function failure(kind: StoreErrorKind, op: string, where: string, message: string): StoreError {
  return new StoreError({ kind, op, where, message })
}
