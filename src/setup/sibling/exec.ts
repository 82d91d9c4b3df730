import { StoreError } from '../../core/errors.ts'
import type { CallOptions, ExecResult, Store } from '../../store/store.ts'

/**
 * `chgrp -R` in a dataset of many files is the longest that anything here runs, and it says nothing
 * meanwhile. ms.
 */
const LIMIT_MS = 1_800_000

/**
 * Runs a program in the root of a store. Ends with `unreachable` when it takes too long: then
 * nobody answers any more.
 */
export async function execWithin(
  store: Store,
  command: readonly string[],
  { signal }: CallOptions,
  limitMs = LIMIT_MS,
): Promise<ExecResult> {
  const late = new AbortController()
  const message = `${command[0]} did not end within ${limitMs / 1000} s`
  const where = store.traits.root
  const timer = setTimeout(() => {
    late.abort(new StoreError({ kind: 'unreachable', op: 'exec', where, message, stalled: true }))
  }, limitMs)
  try {
    return await store.exec(command, { signal: AbortSignal.any([late.signal, ...(signal ? [signal] : [])]), cwd: '' })
  } finally {
    clearTimeout(timer)
  }
}
