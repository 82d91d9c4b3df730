import type { Archive, Member } from '../../archive/archive.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import type { Store } from '../../store/store.ts'
import { checkFor } from './content.ts'

/**
 * An archived key as something that can be stored. It ends in a StoreError `corrupt` unless the
 * content is the key's.
 */
export function memberSource(store: Store, archive: Archive, member: Member, key: string): Source {
  return { size: member.size, open: (signal) => readMember(store, archive, member, key, signal) }
}

async function* readMember(store: Store, archive: Archive, member: Member, key: string, signal?: AbortSignal): Bytes {
  const check = await checkFor(key, member)
  const stop = new AbortController()
  const handed = new Handover()
  let position = 0
  const reading = archive
    .read(
      member,
      async (bytes) => {
        for await (const chunk of bytes) {
          await handed.give(chunk)
          position += chunk.length
        }
      },
      { start: () => position, signal: AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]) },
    )
    .then(
      () => handed.end(),
      (error: unknown) => handed.fail(error),
    )
  try {
    for await (const chunk of handed) {
      check.update(chunk)
      yield chunk
    }
    if (!check.matches()) throw damaged(store, member)
  } finally {
    stop.abort()
    handed.stop()
    await reading
  }
}

function damaged(store: Store, member: Member): StoreError {
  const message = `the archived copy is damaged: its content is not what the key ${member.name.replace(/^.*\//, '')} says`
  return new StoreError({ kind: 'corrupt', op: 'get', where: store.traits.root, message })
}

type Turn =
  | { readonly chunk: Uint8Array; readonly taken: () => void }
  | { readonly ended: true }
  | { readonly error: unknown }

/**
 * Turns what is pushed into what is pulled: a chunk is the giver's again when the next one is asked
 * for.
 */
class Handover implements AsyncIterable<Uint8Array> {
  #turn: Turn | undefined
  #wake: (() => void) | undefined
  #stopped = false

  give(chunk: Uint8Array): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('nobody reads this any more'))
    return new Promise((taken) => this.#set({ chunk, taken }))
  }

  end(): void {
    this.#set({ ended: true })
  }

  fail(error: unknown): void {
    this.#set({ error })
  }

  /** Whoever waits for a chunk to be taken need not any more. */
  stop(): void {
    this.#stopped = true
    if (this.#turn !== undefined && 'taken' in this.#turn) this.#turn.taken()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const turn = this.#turn ?? (await this.#next())
      if ('error' in turn) throw turn.error
      if ('ended' in turn) return
      yield turn.chunk
      this.#turn = undefined
      turn.taken()
    }
  }

  async #next(): Promise<Turn> {
    await new Promise<void>((wake) => {
      this.#wake = wake
    })
    if (this.#turn === undefined) throw new Error('woken without a reason')
    return this.#turn
  }

  #set(turn: Turn): void {
    this.#turn = turn
    this.#wake?.()
    this.#wake = undefined
  }
}
