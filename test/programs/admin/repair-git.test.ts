import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { previewRepair } from '../../../src/admin/repair/preview.ts'
import type { Repaired } from '../../../src/admin/repair/repaired.ts'
import { StoreCopies } from '../../../src/admin/repair/store-copies.ts'
import { readRefs } from '../../../src/git/read-remote.ts'
import { DAMAGES } from '../../support/stores/damage.ts'
import { read, write } from '../../support/stores/stores.ts'
import {
  atHand,
  check,
  clones,
  copied,
  expectWhole,
  files,
  hostileClone,
  keepRefLogWith,
  objectOf,
  outcomes,
  overwrite,
  PLACES,
  type Place,
  packs,
  quarantined,
  repair,
  shallowClones,
  startGitPlaces,
  tear,
} from '../../support/worlds/git-places.ts'

let stop: (() => Promise<void>) | undefined
beforeAll(async () => {
  stop = await startGitPlaces()
})
afterAll(() => stop?.())

/** The fourth is in the full tests. */
const KINDS = Object.keys(PLACES).filter((kind) => kind !== 'that was copied from git')

describe.each(KINDS)('a repository %s', (kind) => {
  const make = () => PLACES[kind]?.() ?? expect.unreachable()

  test('whose packs are torn becomes whole out of a clone, and the torn ones are kept', async () => {
    const place = await make()
    const torn = await tear(place)
    const told = await repair(place, await clones())
    expect(
      told.every(({ outcome }) => outcome === 'mended'),
      JSON.stringify(told),
    ).toBe(true)
    expect(told[0]?.how).toMatch(/out of .*clone/)
    const kept = await Promise.all((await quarantined(place)).map((path) => read(place.store, path)))
    for (const { content } of torn) expect(kept.some((each) => each.equals(content))).toBe(true)
    await expectWhole(place)
  })

  test('whose packs are torn stays as it is without a clone that has all, and it is said what to give', async () => {
    const place = await make()
    await tear(place)
    const all = async () =>
      Promise.all((await files(place)).map(async (path) => [path, String(await read(place.store, path))]))
    const before = await all()
    for (const sources of [[], await shallowClones()]) {
      const told = await repair(place, sources)
      expect(told.some(({ outcome }) => outcome !== 'left')).toBe(false)
      expect(told[0]?.how).toMatch(/give --from CLONE/)
      if (sources.length === 0) {
        expect(await all()).toEqual(before)
      }
    }
  })

  test('gets back the index of a pack that is whole, from nowhere else', async () => {
    const place = await make()
    const [pack = ''] = await packs(place)
    await place.store.remove(pack.replace(/pack$/, 'idx'))
    const told = await repair(place)
    expect(outcomes(told)).toContain('pack-damaged mended')
    expect(told.every(({ outcome }) => outcome === 'mended')).toBe(true)
    expect(await quarantined(place)).toEqual([])
    await expectWhole(place)
  })

  test('loses a torn pack of which no ref needs anything, and it is kept', async () => {
    const place = await make()
    await DAMAGES['pack-damaged']?.({ ...place, key: '' })
    const told = await repair(place)
    expect(outcomes(told)).toContain('pack-damaged mended')
    expect(told.every(({ outcome }) => outcome === 'mended')).toBe(true)
    const [kept = '', ...more] = await quarantined(place)
    expect([(await read(place.store, kept)).toString(), more]).toEqual(['PACK torn', []])
    await expectWhole(place)
  })

  test('keeps a ref that leads to nothing until a clone is named, and then its id is kept', async () => {
    const place = await make()
    const lost = '0123456789012345678901234567890123456789'
    const { head, refs } = await readRefs(atHand(place))
    if (kind === 'that riastore keeps') {
      const { packs: _names, ...more } = { packs: [], refs: new Map([...refs, ['refs/heads/lost', lost]]), head }
      await keepRefLogWith(place, more)
    } else await DAMAGES['ref-dangling']?.({ ...place, key: '' })
    const left = await repair(place)
    expect(left.map(({ problem, outcome }) => [problem.path, outcome])).toContainEqual([
      `${place.directory}/refs/heads/lost`,
      'left',
    ])
    expect((await readRefs(atHand(place))).refs.has('refs/heads/lost')).toBe(true)
    const told = await repair(place, await clones())
    expect(outcomes(told)).toContain('ref-dangling quarantined')
    const ids = (await quarantined(place)).filter((path) => path.endsWith('/dropped-refs'))
    expect((await read(place.store, ids[0] ?? '')).toString()).toBe(`${lost} refs/heads/lost\n`)
    await expectWhole(place)
  })

  test('whose HEAD leads nowhere gets the branch that it must have been, and what it said is kept', async () => {
    const place = await make()
    if (kind === 'that riastore keeps') await keepRefLogWith(place, { head: 'refs/heads/lost' })
    else await overwrite(place, `${place.directory}/HEAD`, () => Buffer.from('ref: refs/heads/lost\n'))
    expect(outcomes(await repair(place))).toEqual(['ref-dangling mended'])
    expect((await read(place.store, `${place.directory}/HEAD`)).toString()).toBe('ref: refs/heads/main\n')
    await expectWhole(place)
  })
})

describe('a repository that riastore keeps', () => {
  const make = () => PLACES['that riastore keeps']?.() ?? expect.unreachable()

  test('comes back from what can be read of a torn pack, if that is all', async () => {
    const place = await make()
    for (const path of await packs(place)) {
      await overwrite(place, path, (all) => Buffer.concat([all.subarray(0, -1), Buffer.from([~(all.at(-1) ?? 0)])]))
    }
    const told = await repair(place)
    expect(
      told.every(({ outcome }) => outcome === 'mended'),
      JSON.stringify(told),
    ).toBe(true)
    await expectWhole(place)
  })

  test('becomes whole out of another store that has the dataset', async () => {
    const place = await make()
    await tear(place)
    const told = await repair(place, [new StoreCopies(atHand(await copied(true)))])
    expect(
      told.every(({ outcome }) => outcome === 'mended'),
      JSON.stringify(told),
    ).toBe(true)
    await expectWhole(place)
  })

  test('is only looked at by a dry run, which says what would be done', async () => {
    const place = await make()
    await tear(place)
    const before = await files(place)
    const said: string[] = []
    for (const sources of [[], await clones()]) {
      const tell = ({ outcome, how }: Repaired) => void said.push(`${outcome} ${how}`)
      await previewRepair(atHand(place), await check(place), tell, { sources })
    }
    expect(said.filter((line) => line.startsWith('left give --from CLONE'))).not.toEqual([])
    expect(said.filter((line) => /^mended .*out of .*clone/.test(line))).not.toEqual([])
    expect(await files(place)).toEqual(before)
  })
})

describe('a repository that was copied from git, object by object, to where there is no git', () => {
  /** A file's content, which only the oldest commit has. */
  const damaged = async (): Promise<{ readonly place: Place; readonly path: string }> => {
    const place = await copied(false)
    const id = await objectOf('other:one')
    return { place, path: `${place.directory}/objects/${id.slice(0, 2)}/${id.slice(2)}` }
  }

  test('has an object that is damaged, or gone: check tells, and it comes back out of a clone', async () => {
    for (const harm of ['damaged', 'gone']) {
      const { place, path } = await damaged()
      if (harm === 'gone') await place.store.remove(path)
      else
        await overwrite(place, path, (all) => Buffer.concat([all.subarray(0, 12), Buffer.from('no'), all.subarray(14)]))
      expect((await check(place)).map(({ code }) => code)).toEqual(['git-damaged'])
      expect(outcomes(await repair(place))).toEqual(['git-damaged left'])
      expect(outcomes(await repair(place, await clones()))).toEqual(['git-damaged mended'])
      expect((await quarantined(place)).length).toBe(harm === 'gone' ? 0 : 1)
      await expectWhole(place)
    }
  })

  test('takes nothing from a clone whose object is another than its id says', async () => {
    const { place, path } = await damaged()
    await place.store.remove(path)
    const told = await repair(place, [await hostileClone('other:one')])
    expect(outcomes(told)).toEqual(['git-damaged left'])
    expect((await check(place)).map(({ code }) => code)).toEqual(['git-damaged'])
    expect((await files(place)).filter((each) => each.endsWith('.pack'))).toEqual([])
  })

  test('keeps refs that no source has in a store that is append-only', async () => {
    const place = await copied(true)
    await write(place.store, `${place.directory}/ria-layout-version`, '2|a\n')
    await DAMAGES['ref-dangling']?.({ ...place, key: '' })
    const told = await repair(place, await clones())
    expect(told[0]).toMatchObject({ outcome: 'left', how: expect.stringContaining('append-only') })
    expect((await readRefs(atHand(place))).refs.has('refs/heads/lost')).toBe(true)
  })
})
