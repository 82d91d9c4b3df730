import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { stoppingAt } from '../../support/stores/stopping-store.ts'
import { read } from '../../support/stores/stores.ts'
import {
  check,
  clones,
  expectWhole,
  files,
  PLACES,
  repair,
  restored,
  startGitPlaces,
  tear,
} from '../../support/worlds/git-places.ts'

let stop: (() => Promise<void>) | undefined
beforeAll(async () => {
  stop = await startGitPlaces()
})
afterAll(() => stop?.())

describe.each(Object.keys(PLACES))('a repository %s', (kind) => {
  test.each(['its machine breaks down', 'somebody else repairs with the lock broken'])(
    'that is repaired, and stopped at any step while %s, is whole after the next run, and nothing is lost',
    async (meanwhile) => {
      const model = (await PLACES[kind]?.()) ?? expect.unreachable()
      await tear(model)
      const all = await Promise.all(
        (await files(model)).map(async (path) => [path, await read(model.store, path)] as const),
      )
      for (let nth = 1; ; nth += 1) {
        const place = await restored(model, all)
        const torn = all.filter(([path]) => path.endsWith('.pack'))
        const stopping = stoppingAt(place.store, nth, async () => {
          if (meanwhile.startsWith('its')) throw new StoreError({ kind: 'aborted', op: 'x', where: 'x', message: 'x' })
          await repair(place, await clones())
        })
        await repair(place, await clones(), stopping).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error
        })
        await repair(place, await clones())
        expect(await check(place), stopping.at).toEqual([])
        const now = new Set(await Promise.all((await files(place)).map((path) => read(place.store, path).then(String))))
        for (const [path, content] of torn) expect(now.has(String(content)), `${path}: ${stopping.at}`).toBe(true)
        expect((await files(place)).filter((path) => /\.tmp$|\.lock$/.test(path))).toEqual([])
        if (stopping.wasStopped) continue
        expect(nth).toBeGreaterThan(8)
        return expectWhole(place)
      }
    },
  )
})
