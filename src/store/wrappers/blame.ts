import type { Bytes, Source } from '../../core/source.ts'
import type { Consumer } from '../store.ts'

/** Whose failure it was that a call failed with, which the error alone does not tell. */
export interface Blame {
  /**
   * What the backend's bytes failed with: a consumer may have thrown something else because of it.
   */
  backend?: { readonly error: unknown }
  /** The caller's own consumer or source failed of itself. */
  caller?: true
}

export function blameConsumer(consume: Consumer, blame: Blame): Consumer {
  const onBytesFailed = (error: unknown) => {
    blame.backend = { error }
  }
  return async (bytes, stat) => {
    try {
      await consume(
        noticeFailure(() => bytes, onBytesFailed),
        stat,
      )
    } catch (error) {
      if (blame.backend === undefined) blame.caller = true
      throw error
    }
  }
}

export function blameSource(source: Source, blame: Blame): Source {
  const open = (signal?: AbortSignal) =>
    noticeFailure(
      () => source.open(signal),
      () => {
        // A source that was told to stop is not the one that failed.
        if (!signal?.aborted) blame.caller = true
      },
    )
  return { size: source.size, open }
}

async function* noticeFailure(open: () => Bytes, notice: (error: unknown) => void): Bytes {
  try {
    yield* open()
  } catch (error) {
    notice(error)
    throw error
  }
}
