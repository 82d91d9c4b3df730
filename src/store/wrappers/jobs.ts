import type { Store } from '../store.ts'
import { around } from './around.ts'

/**
 * Tells callers to make no more than so many requests at once. They are not kept from it: a call
 * may wait for another (a `put` whose source is a `get`), and would for ever if that got no place.
 */
export function withJobs(store: Store, jobs: number): Store {
  return {
    ...around(store, { call: (_call, options, work) => work(options) }),
    get traits() {
      return { ...store.traits, maxInFlight: Math.min(jobs, store.traits.maxInFlight) }
    },
  }
}
