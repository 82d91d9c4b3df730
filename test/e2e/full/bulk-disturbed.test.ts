import { afterEach, describe, test } from 'vitest'
import { chooseSeed, numbersOf, pick } from '../../support/faults/numbers.ts'
import { mountSmallDisk } from '../../support/faults/small-disk.ts'
import { disturbGets, disturbPuts, type Trouble } from '../../support/kill/disturb-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../../support/worlds/bulk-scene.ts'

// So many that small ones begin to come while git-annex still finds others.
const files = manyFiles(70)
const unlocked = ['d1/f1.bin', 'd2/f2.bin', 'd3/f3.bin', 'large.bin']

const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  'killed',
  'all killed',
  'stopped',
  'all stopped',
  'gone',
  'damaged',
  'twice',
  'annex',
  'archive',
  'full',
]

/** A bucket is not full. */
const BUT_FULL = TROUBLES.filter((trouble) => trouble !== 'full') as [Trouble, ...Trouble[]]

/** Of each kind of command and store: first each trouble once, then by chance. */
const STEPS = Number(process.env.RIASTORE_FAULT_STEPS ?? 20)
const seed = chooseSeed()

function chosen(salt: number, troubles = TROUBLES): Trouble[] {
  const random = numbersOf(seed, salt)
  return Array.from({ length: STEPS }, (_, i) => troubles[i] ?? pick(random, troubles))
}

let scene: BulkScene | undefined
afterEach(() => scene?.remove())

test.each(['file', 'ssh'] as const)(
  'a get records nothing wrong, and the same command again finishes, with a store by %s',
  async (store) => {
    scene = await makeBulkScene({ store, files, unlocked, misbehaves: true })
    const disk = await mountSmallDisk(scene.workspace, 'clones', '64m')
    await disturbGets({ scene, files, disk, seed }, chosen(1))
  },
)

describe.each(['file', 'ssh', 's3'] as const)('whatever happens to it, with a store by %s', (store) => {
  test.each([[[]], [['--archive']]])(
    'a put %j records nothing wrong, and the same command again finishes',
    async (options) => {
      scene = await makeBulkScene({ store, files, unlocked, filled: false, misbehaves: true, diskSize: '64m' })
      const { disk } = scene
      const troubles = chosen(2 + options.length, store === 's3' ? BUT_FULL : TROUBLES)
      await disturbPuts({ scene, files, disk, seed }, troubles, ...options)
    },
  )
})
