import type { Store } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

export interface Dying extends Store {
  readonly isDead: boolean
  /** Its last call. */
  readonly at: string
}

/**
 * A store whose user is killed right before its `nth` call that changes something: from then on it
 * does nothing any more, whoever calls.
 */
export function dyingAt(store: Store, nth: number): Dying {
  let count = 0
  const state = { isDead: false, at: '' }
  const alive = async <T>(work: () => Promise<T>, changes?: string): Promise<T> => {
    if (!state.isDead && changes !== undefined && ++count === nth) Object.assign(state, { isDead: true, at: changes })
    if (state.isDead) throw new Error(`killed at ${state.at}`)
    return work()
  }
  const dying = withMethods(store, {
    stat: (...all) => alive(() => store.stat(...all)),
    statAll: (...all) => alive(() => store.statAll(...all)),
    get: (...all) => alive(() => store.get(...all)),
    put: (...all) => alive(() => store.put(...all), `put ${all[0]}`),
    remove: (...all) => alive(() => store.remove(...all), `remove ${all[0]}`),
    move: (...all) => alive(() => store.move(...all), `move ${all[0]} to ${all[1]}`),
    append: (...all) => alive(() => store.append(...all), `append ${all[0]}`),
    exec: (...all) => alive(() => store.exec(...all), all[0].join(' ')),
  })
  return Object.defineProperties(dying, {
    isDead: { get: () => state.isDead },
    at: { get: () => state.at },
  }) as Dying
}
