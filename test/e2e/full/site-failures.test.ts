import { afterAll, beforeAll, expect, test } from 'vitest'
import { addSiteOnDisk, applySite, failOnce, SITE_FAILURES } from '../../support/kill/site-failures.ts'
import { interruptSite, siteCommand } from '../../support/kill/site-interrupt.ts'
import { explain, runOk } from '../../support/programs/run.ts'
import { makeSiteScene, type SiteScene } from '../../support/worlds/site-scene.ts'
import { quickDataset, stateOf } from '../../support/worlds/site-state.ts'

let scene: SiteScene
let store: string
let expected: Awaited<ReturnType<typeof stateOf>>
let ms: number

beforeAll(async () => {
  scene = await makeSiteScene()
  store = await addSiteOnDisk(scene)
  const undisturbed = await quickDataset(scene, 'undisturbed')
  const result = await applySite(scene, undisturbed.repo)
  expect(result.status, explain(result)).toBe(0)
  ms = result.ms
  expected = await stateOf(scene, store, undisturbed)
})
afterAll(() => scene?.workspace.remove())

test.each(SITE_FAILURES)(
  'after this the same command comes to what an undisturbed run comes to: $name',
  async (failure) => {
    const dataset = await quickDataset(scene, `failed-${SITE_FAILURES.indexOf(failure)}`)
    await failOnce(scene, store, dataset, failure)
    const again = await applySite(scene, dataset.repo)
    expect(again.status, explain(again)).toBe(0)
    expect(await stateOf(scene, store, dataset)).toEqual(expected)
  },
)

test('so it does after Ctrl-C at 20 random moments', async () => {
  let interrupted = 0
  for (let i = 0; i < 20; i++) {
    const dataset = await quickDataset(scene, `stopped-${i}`)
    const at = Math.random() * ms
    if (await interruptSite(scene, dataset, at)) interrupted++
    expect(await stateOf(scene, store, dataset), `after ${at} ms of ${ms}`).toEqual(expected)
  }
  expect(interrupted).toBeGreaterThan(10)
})

test('so it does when DataLad, which runs it, gets the Ctrl-C too, at 8 random moments', async () => {
  const undisturbed = await quickDataset(scene, 'undisturbed-datalad')
  const whole = await runOk(...siteCommand(undisturbed, 'datalad'), { env: scene.env })
  for (let i = 0; i < 8; i++) {
    const dataset = await quickDataset(scene, `stopped-datalad-${i}`)
    const at = (0.3 + 0.7 * Math.random()) * whole.ms
    await interruptSite(scene, dataset, at, 'datalad')
    expect(await stateOf(scene, store, dataset), `after ${at} ms of ${whole.ms}`).toEqual(expected)
  }
})
