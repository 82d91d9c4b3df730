import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { StoreError, type StoreErrorKind } from '../../../src/core/errors.ts'
import type { Store } from '../../../src/store/store.ts'
import { write } from '../../support/stores/stores.ts'

/** A backend, empty, with its surroundings. */
export interface Subject {
  readonly store: Store
  /** Called when the tests are done with it; closes the store too if that is not done. */
  cleanUp(): Promise<void>
  /** For a read-only backend: puts a file where the store reads it, and its parent directories. */
  seed?(path: string, content: Uint8Array): Promise<void>
}

export type SetUp = () => Subject | Promise<Subject>

/** What the tests of the suite work with. */
export interface Bench {
  readonly store: Store
  /** A path in the directory that is this test's own; without an argument, the directory. */
  at(path?: string): string
  /** Puts a file there, by whatever way the backend allows. */
  give(path: string, content: Uint8Array | string): Promise<void>
  /** Another store of the kind, for tests that close it. */
  open(): Promise<Subject>
}

export function createBench(setUp: SetUp): Bench {
  let shared: Subject | undefined
  let opened: Subject[] = []
  let count = 0
  beforeAll(async () => {
    shared = await setUp()
  })
  afterAll(() => shared?.cleanUp())
  beforeEach(() => {
    count += 1
  })
  afterEach(async () => {
    const own = opened
    opened = []
    for (const subject of own) await subject.cleanUp()
  })
  const subject = (): Subject => {
    if (shared === undefined) throw new Error('the backend was not set up')
    return shared
  }
  return {
    get store() {
      return subject().store
    },
    at: (path) => (path === undefined ? `test${count}` : `test${count}/${path}`),
    give: (path, content) => give(subject(), path, content),
    async open() {
      const own = await setUp()
      opened.push(own)
      return own
    },
  }
}

export async function give(subject: Subject, path: string, content: Uint8Array | string): Promise<void> {
  if (subject.seed) await subject.seed(path, Buffer.from(content))
  else await write(subject.store, path, content)
}

/** Holds a call to failing as the contract has it, and returns the error. */
export async function failure(promise: Promise<unknown>, ...kinds: StoreErrorKind[]): Promise<StoreError> {
  const error = await promise.then(
    () => expect.fail(`it should have failed (${kinds.join(' or ') || 'in any way'})`),
    (error: unknown) => error,
  )
  if (!(error instanceof StoreError)) throw error
  if (kinds.length > 0) expect(kinds, error.message).toContain(error.kind)
  expect(error.where).not.toBe('')
  expect(error.message).not.toMatch(/[\r\n]/)
  return error
}

/** Takes the first entry of a list. */
export async function firstOf<T>(entries: AsyncIterable<T>): Promise<T | undefined> {
  for await (const entry of entries) return entry
  return undefined
}
