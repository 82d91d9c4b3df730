import { codeOf, messageOf, StoreError } from '../../core/errors.ts'

const KINDS: Readonly<Record<string, StoreError['kind']>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
}

/** What the clone's own file system answered, as a StoreError. */
export function localError(error: unknown, where: string, op: 'place' | 'read' = 'place'): StoreError {
  if (error instanceof StoreError) return error
  const kind = KINDS[codeOf(error) ?? ''] ?? 'unsupported'
  return new StoreError({ kind, op, where, message: messageOf(error), cause: error })
}
