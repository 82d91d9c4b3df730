import type { Bandwidth } from '../../core/bandwidth.ts'
import type { Bytes, Source } from '../../core/source.ts'
import type { Store } from '../store.ts'
import { around } from './around.ts'

/**
 * Lets the content of files through no faster than a rate that all calls share. It stands outside
 * of the watchdog: what waits here is not stalled.
 */
export function withBandwidth(store: Store, bandwidth: Bandwidth): Store {
  const slowedStore = around(store, {
    call: (_call, options, work) => work(options),
    get: (path, consume, options) =>
      store.get(path, (bytes, stat) => consume(slowed(bytes, bandwidth, options?.signal), stat), options),
    put: (path, source, options) => store.put(path, slowedSource(source, bandwidth), options),
  })
  return { ...slowedStore, getSmall: undefined }
}

function slowedSource(source: Source, bandwidth: Bandwidth): Source {
  return { ...source, open: (signal) => slowed(source.open(signal), bandwidth, signal) }
}

async function* slowed(bytes: Bytes, bandwidth: Bandwidth, signal: AbortSignal | undefined): Bytes {
  for await (const chunk of bytes) {
    await bandwidth.pass(chunk.length, signal)
    yield chunk
  }
}
