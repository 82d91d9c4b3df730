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
  return dyingTogether([store, store], (count) => count === nth)[0]
}

/**
 * The same of two stores that one program works with: it is killed once, before the call of which
 * `dies` says so. It is told the how manieth it is that changes something, and what it does.
 */
export function dyingTogether(
  stores: readonly [Store, Store],
  dies: (count: number, call: string) => boolean,
): readonly [Dying, Dying] {
  let count = 0
  const state = { isDead: false, at: '' }
  const alive = async <T>(work: () => Promise<T>, changes?: string): Promise<T> => {
    if (!state.isDead && changes !== undefined && dies(++count, changes)) {
      Object.assign(state, { isDead: true, at: changes })
    }
    if (state.isDead) throw new Error(`killed at ${state.at}`)
    return work()
  }
  const dyingOf = (store: Store) => {
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
  return [dyingOf(stores[0]), dyingOf(stores[1])]
}
