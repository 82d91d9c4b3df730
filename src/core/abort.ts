import { StoreError } from './errors.ts'

/**
 * The error of a call whose signal aborted: the signal's own reason when that says more than
 * "aborted".
 */
export function abortedError(op: string, where: string, signal: AbortSignal): StoreError {
  if (signal.reason instanceof StoreError) return signal.reason
  return new StoreError({ kind: 'aborted', op, where, message: 'aborted', cause: signal.reason })
}

/**
 * Settles as `promise` does, or rejects as soon as the signal aborts, also when `promise` never
 * settles.
 */
export function orAborted<T>(
  promise: Promise<T>,
  op: string,
  where: string,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise
  if (signal.aborted) {
    promise.catch(() => {})
    return Promise.reject(abortedError(op, where, signal))
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortedError(op, where, signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
