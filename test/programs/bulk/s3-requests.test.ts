import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explain } from '../../support/programs/run.ts'
import { type BulkScene, makeBulkScene } from '../../support/worlds/bulk-scene.ts'

const KEYS = 60

/** For the layout, the archive and the lock: eight; some are asked again of a busy server. */
const FEW = 25

const files = Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [`f${i}`, randomBytes(1 + i * 37)]))

let scene: BulkScene
beforeAll(async () => {
  scene = await makeBulkScene({ store: 's3', files, filled: false })
})
afterAll(() => scene?.remove())

/** `METHOD /path` of each request of one run. */
async function requestsOf(command: string): Promise<readonly string[]> {
  scene.s3?.faults.reset()
  const result = await scene.riastore(scene.source, command)
  expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
  return scene.s3?.faults.requests ?? []
}

/** Fails where there is more than one request for each key, of that kind. */
function expectOneEach(requests: readonly string[], kind: string): void {
  const ofKeys = requests.filter((request) => request.startsWith(`${kind} `) && request.includes('/annex/objects/'))
  expect(new Set(ofKeys).size).toBe(KEYS)
  expect(requests.length, requests.join('\n')).toBeLessThan(KEYS + FEW)
}

test('in S3, put and get of small keys take one request for each, and a few for all of them', async () => {
  expectOneEach(await requestsOf('put'), 'PUT')
  await scene.source.annex('drop', '--force', '-q', '.')
  expectOneEach(await requestsOf('get'), 'GET')
})
