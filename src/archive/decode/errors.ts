import { messageOf, StoreError, type StoreErrorKind } from '../../core/errors.ts'
import type { DecodeOptions, Folder } from './folder.ts'
import { methodNames } from './methods.ts'

export function decodeError(
  kind: StoreErrorKind,
  options: DecodeOptions,
  message: string,
  cause?: unknown,
): StoreError {
  return new StoreError({ kind, op: 'get', where: options.where, message, cause })
}

/** The error for packed data that its decoder does not accept. */
export function damaged(folder: Folder, options: DecodeOptions, reason: unknown): StoreError {
  const message = `the ${methodNames(folder)} data in the archive is damaged: ${messageOf(reason)}`
  return decodeError('corrupt', options, message, reason instanceof Error ? reason : undefined)
}
