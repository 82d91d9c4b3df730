import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { decodeFolder } from '../../../../src/archive/decode/decode-folder.ts'
import { openStreams, packFolder } from '../../../support/archives/real-folder.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/**
 * What is in use, not what waits to be collected, which a busy machine does later than it is asked.
 * Bytes.
 */
async function buffersInUse(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let times = 0; times < 5; times++) {
    collectGarbage()
    await setImmediate()
    least = Math.min(least, process.memoryUsage().arrayBuffers)
  }
  return least
}

it('what the program unpacks is let go of as it is consumed', async () => {
  const { folder, packed, packedSizes, content } = await packFolder(Buffer.alloc(100_000_000), ['-m0=LZMA', '-mx1'])
  const { streams } = openStreams(packed)
  const before = await buffersInUse()
  let kept = 0
  let done = 0
  for await (const chunk of decodeFolder(folder, streams, { where: 'a.7z', packedSizes, maxMemoryBytes: 0 })) {
    done += chunk.length
    if (done > 90_000_000 && kept === 0) kept = (await buffersInUse()) - before
  }
  expect(done).toBe(content.length) // which so stays in use all the time
  expect(kept).toBeLessThan(20e6)
})
