import { setTimeout as sleep } from 'node:timers/promises'
import type { Keys } from '../programs/archive-program.ts'
import type { Client } from './client.ts'

/** What a client rests between two things: the programs under test need the machine. ms. */
const REST_MS = 100

/** Clients who are at work all the time, but for pauses to look at what they believe. */
export class Crowd {
  readonly #clients: readonly Client[]
  readonly #working: Promise<unknown>
  #isOver = false
  #resume: (() => void) | undefined
  #paused: Promise<void> | undefined
  #idle = 0

  constructor(clients: readonly Client[]) {
    this.#clients = clients
    this.#working = Promise.all(clients.map((client) => this.#work(client)))
    this.#working.catch(() => {}) // told by `end`
  }

  async #work(client: Client): Promise<void> {
    while (!this.#isOver) {
      if (this.#paused !== undefined) {
        this.#idle += 1
        await this.#paused
        this.#idle -= 1
        continue
      }
      await client.step()
      await sleep(REST_MS)
    }
  }

  /** Does `look` with all that has to be in the store, while nobody does anything. */
  async whilePaused(look: (stored: Keys) => Promise<void>): Promise<void> {
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve
    })
    while (this.#idle < this.#clients.length) await Promise.race([sleep(5), this.#working])
    try {
      await look(new Map(this.#clients.flatMap((client) => [...client.stored])))
    } finally {
      this.#paused = undefined
      this.#resume?.()
    }
  }

  async end(): Promise<void> {
    this.#isOver = true
    try {
      await this.#working
    } finally {
      for (const client of this.#clients) await client.end()
    }
  }
}
