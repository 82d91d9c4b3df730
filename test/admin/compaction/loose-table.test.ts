import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { LooseTable, STATE } from '../../../src/admin/compaction/loose-table.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { heapUsed } from '../../support/shared/heap-used.ts'

const permissions = { uid: 1, gid: 2, mode: 0o444 }

function fileOf(name: string, identity = `8-1700000000000.123-${name.length}`) {
  const fileName = `MD5E-s8--${hash('md5', name)}.nii.gz`
  return { fileName, place: placesOf(fileName, '2')[0] ?? '', size: 8, identity, permissions }
}

test('a key comes back as it was listed, and is found by its file name and its place', () => {
  const keys = new LooseTable()
  const [file, other] = [fileOf('a'), fileOf('b')]
  keys.add(file, true)
  expect([...keys.in(STATE.wanted)]).toEqual([{ ...file, key: file.fileName, number: 0, twin: undefined }])
  expect([keys.find(file.fileName), keys.find(other.fileName)]).toEqual([0, undefined])
  expect(keys.at(file.place, STATE.wanted)?.number).toBe(0)
  expect([keys.at(`x${file.place}`, STATE.wanted), keys.at(file.place, STATE.add)]).toEqual([undefined, undefined])
})

test.each([[[0, 1]], [[1, 0]]])(
  'of a key that lies at both its places the first one counts, in whichever order they come: %j',
  (order) => {
    const keys = new LooseTable()
    const key = 'WORM-s8-m1--a:b'
    const fileName = 'WORM-s8-m1--a&cb'
    const places = placesOf(key, '2').map((place, i) => ({ fileName, place, size: 8, identity: `of ${i}` }))
    expect(places).toHaveLength(2)
    for (const i of order) keys.add(places[i] as (typeof places)[0], i === 0)
    const [first, second] = places
    expect([...keys.in(STATE.wanted)]).toEqual([
      expect.objectContaining({ key, place: first?.place, identity: 'of 0', twin: expect.anything() }),
    ])
    expect(keys.get(0).twin).toEqual({ place: second?.place, size: 8, identity: 'of 1' })
    keys.setGone(0, 'twin')
    expect([...keys.files()].map(({ place, isGone }) => [place, isGone])).toEqual([
      [first?.place, false],
      [second?.place, true],
    ])
  },
)

test('keys are counted, summed up and listed by what becomes of them', () => {
  const keys = new LooseTable()
  for (const name of ['a', 'b', 'c']) keys.add(fileOf(name), true)
  keys.setState(1, STATE.already)
  keys.setAll(STATE.wanted, STATE.add)
  const add = keys.in(STATE.add)
  expect([add.count, add.bytes, add.places.size]).toEqual([2, 16, 2])
  expect([...add.places]).toEqual([fileOf('a').place, fileOf('c').place])
  expect([add.places.has(fileOf('a').place), add.places.has(fileOf('b').place)]).toEqual([true, false])
  expect(keys.in(STATE.already).count).toBe(1)
})

test('a loose key costs some bytes outside of the heap, and no object in it', () => {
  const count = 50_000
  const before = [heapUsed(), process.memoryUsage().arrayBuffers] as const
  const keys = new LooseTable()
  for (let n = 0; n < count; n++) keys.add(fileOf(String(n), `8-${1_700_000_000_000 + n}.123-${n}`), true)
  expect((heapUsed() - before[0]) / count).toBeLessThan(20)
  expect((process.memoryUsage().arrayBuffers - before[1]) / count).toBeLessThan(400)
  expect(keys.size).toBe(count)
})
