import { messageOf } from '../core/errors.ts'
import type { KeyRequest, Reply } from './messages.ts'

/** How a request to do or find something ended. */
export type Outcome =
  | { readonly result: 'done' }
  | { readonly result: 'present' }
  | { readonly result: 'absent' }
  | { readonly result: 'failed'; readonly error: unknown }

/**
 * The one table from outcomes to replies about a key. Whatever is not proven is UNKNOWN: git-annex
 * counts copies by these answers before it drops the last but one.
 */
export function replyTo(request: KeyRequest, outcome: Outcome): Reply {
  const { key } = request
  switch (outcome.result) {
    case 'done':
    case 'present':
      if (request.verb === 'TRANSFER') return { verb: 'TRANSFER-SUCCESS', direction: request.direction, key }
      return { verb: `${request.verb}-SUCCESS`, key }
    case 'absent':
      if (request.verb === 'TRANSFER') return failed(request, 'not in the store')
      return { verb: request.verb === 'REMOVE' ? 'REMOVE-SUCCESS' : 'CHECKPRESENT-FAILURE', key }
    case 'failed':
      return failed(request, messageOf(outcome.error))
  }
}

function failed(request: KeyRequest, message: string): Reply {
  const { key } = request
  switch (request.verb) {
    case 'TRANSFER':
      return { verb: 'TRANSFER-FAILURE', direction: request.direction, key, message }
    case 'CHECKPRESENT':
      return { verb: 'CHECKPRESENT-UNKNOWN', key, message }
    case 'REMOVE':
      return { verb: 'REMOVE-FAILURE', key, message }
  }
}
