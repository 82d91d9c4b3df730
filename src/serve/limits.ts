import { Bandwidth } from '../core/bandwidth.ts'

/** What one client may have; what is not there is not limited. */
export interface ClientLimits {
  readonly requestsPerMinute?: number | undefined
  /** Requests at once. */
  readonly connections?: number | undefined
  readonly bytesPerSecond?: number | undefined
}

/** What a client has had. */
interface Account {
  atOnce: number
  /** Requests that it may still make, at the time `countedMs`. */
  left: number
  countedMs: number
  readonly bandwidth: Bandwidth
}

/** More clients than this are not remembered; the one that was away for longest is forgotten. */
const MAX_CLIENTS = 10_000

const MINUTE_MS = 60_000

/** A client that may go on. `leave` is called when its request is over. */
export interface Admitted {
  readonly bandwidth: Bandwidth
  leave(): void
  /** In the place of `leave`: it was no request yet, and is not counted. */
  undo(): void
}

const UNLIMITED: Admitted = { bandwidth: new Bandwidth(undefined), leave: () => {}, undo: () => {} }

/** Keeps one client from taking what all others need, too. */
export class Limits {
  readonly #limits: ClientLimits
  readonly #accounts = new Map<string, Account>()

  constructor(limits: ClientLimits) {
    this.#limits = limits
  }

  /** A number: not now, and so many seconds later at the earliest. */
  enter(client: string): Admitted | number {
    const { requestsPerMinute, connections = Number.POSITIVE_INFINITY, bytesPerSecond } = this.#limits
    if (requestsPerMinute === undefined && connections === Number.POSITIVE_INFINITY && bytesPerSecond === undefined)
      return UNLIMITED
    const account = this.#account(client)
    if (requestsPerMinute !== undefined) {
      const now = performance.now()
      const more = ((now - account.countedMs) / MINUTE_MS) * requestsPerMinute
      account.left = Math.min(requestsPerMinute, account.left + more)
      account.countedMs = now
      if (account.left < 1) return Math.max(1, Math.ceil(((1 - account.left) / requestsPerMinute) * 60))
    }
    if (account.atOnce >= connections) return 1
    account.left -= 1
    account.atOnce += 1
    const leave = () => {
      account.atOnce -= 1
    }
    const undo = () => {
      account.left += 1
      leave()
    }
    return { bandwidth: account.bandwidth, leave, undo }
  }

  #account(client: string): Account {
    const { requestsPerMinute = 0, bytesPerSecond } = this.#limits
    const known = this.#accounts.get(client)
    const made = { atOnce: 0, left: requestsPerMinute, countedMs: performance.now() }
    const account = known ?? { ...made, bandwidth: new Bandwidth(bytesPerSecond) }
    this.#accounts.delete(client)
    this.#accounts.set(client, account)
    if (known === undefined && this.#accounts.size > MAX_CLIENTS) this.#forgetOne()
    return account
  }

  /** Whoever has a request under way is remembered. */
  #forgetOne(): void {
    for (const [client, { atOnce }] of this.#accounts) {
      if (atOnce > 0) continue
      this.#accounts.delete(client)
      return
    }
  }
}
