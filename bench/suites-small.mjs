/** Many small files: everything git-annex does with them, one whole process each. */
import { GROUP, smallDirectory } from './files.mjs'
import { countKeys, emptyStore, isOurs, peer } from './peers.mjs'
import { countObjects } from './repositories.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./peers.mjs').Peer} Peer */

/** Titles of the columns, in the order in which the work is done. */
export const SMALL_OPS = {
  copy: 'copy --to',
  drop: 'drop',
  get: 'get --from',
  'get-own-check': 'get, annex-verify=false',
  fsck: 'fsck --fast --from',
  'drop-from': 'drop --from',
}

const NEAR = [
  peer('floor', 'file'),
  peer('ours', 'file'),
  peer('ora', 'file'),
  peer('directory', 'file'),
  peer('rsync', 'file'),
  peer('ours', 'ssh'),
  peer('ora', 'ssh'),
  peer('rsync', 'ssh'),
]
const FAR = [peer('ours', 'far'), peer('ora', 'far')]
const DISK = [peer('floor', 'file'), peer('ours', 'file'), peer('ora', 'file'), peer('directory', 'file')]

/** Ours as it was, where that is asked for. @param {Bench} bench @returns {Peer[]} */
export const before = ({ options }) =>
  options.before === undefined ? [] : [peer('before', 'file'), peer('before', 'ssh')]

/** git-annex starts three rsync processes for a key: it is measured with this part of the files. */
const SLOW = 10

/** @param {number} files how many at least @returns {string[]} directories of so many */
export const directoriesFor = (files) =>
  Array.from({ length: Math.ceil(files / GROUP) }, (_, group) => smallDirectory(group))

/**
 * All operations in turn, on the remote `store` of a repository.
 * @param {Bench} bench
 * @param {{ labels: Omit<import('./run.mjs').Sample, 'round' | 'op'> & {items: number, jobs:
 * number}, paths: string[], unverified: boolean, settle?: () => Promise<unknown>, empty: () =>
 * Promise<void> | void, count: () => Promise<number> | number }} what `unverified`: also without
 * git-annex's own check; `count`: the keys in the store
 * @param {string} repo @param {number} round
 */
export async function measureSmallFiles(bench, { labels, paths, unverified, settle, empty, count }, repo, round) {
  const { files } = bench.options
  const { items, jobs } = labels
  const untimed = (/** @type {string[]} */ ...command) => bench.workspace.run(command, repo)
  const timed = async (/** @type {string} */ op, /** @type {string[]} */ ...args) => {
    await settle?.()
    return bench.measure({ ...labels, op, round }, ['git-annex', ...args, `-J${jobs}`, '--', ...paths], repo, {
      sampleEvery: 100,
    })
  }
  /** A peer that skips its work would be the fastest of all. */
  const expect = (/** @type {string} */ op, /** @type {number} */ found, /** @type {number} */ wanted) => {
    if (found !== wanted) throw new Error(`${labels.peer} ${op}: ${found} of ${wanted} files are there`)
  }
  await empty()
  await timed('copy', 'copy', '--to', 'store')
  expect('copy', await count(), items)
  await timed('drop', 'drop')
  expect('drop', countObjects(repo), files - items)
  await timed('get', 'get', '--from', 'store')
  expect('get', countObjects(repo), files)
  if (unverified) {
    await untimed('git-annex', 'drop', ...paths)
    await untimed('git', 'config', 'remote.store.annex-verify', 'false')
    await timed('get-own-check', 'get', '--from', 'store')
    await untimed('git', 'config', '--unset', 'remote.store.annex-verify')
    expect('get-own-check', countObjects(repo), files)
  }
  await timed('fsck', 'fsck', '--fast', '--from', 'store')
  await timed('drop-from', 'drop', '--from', 'store')
  expect('drop-from', await count(), 0)
}

/**
 * @param {Bench} bench
 * @param {{suite: string, place: import('./workspace.mjs').Place, peer: Peer, jobs: number}} what
 * @returns {Block}
 */
function block(bench, { suite, place, peer, jobs }) {
  const { files } = bench.options
  const paths = directoriesFor(peer.program === 'rsync' ? files / SLOW : files)
  const labels = { suite, peer: peer.id, jobs, items: Math.min(files, paths.length * GROUP) }
  /** Ours then checks by itself, the floor checks nothing at all. */
  const unverified = isOurs(peer) || peer.program === 'floor'

  const run = (/** @type {number} */ round) =>
    bench.repositories.withSmall(place, peer, (repo, store) => {
      const settle = async () => {
        if (place.kind === 'disk') await bench.workspace.run(['sync', '-f', place.root], repo)
      }
      const empty = () => emptyStore(peer, store)
      const count = () => countKeys(peer, store)
      return measureSmallFiles(bench, { labels, paths, unverified, settle, empty, count }, repo, round)
    })
  return { name: `${suite}/${peer.id}/J${jobs}`, labels, peer, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function smallBlocks(bench) {
  const { main, disk } = bench.workspace
  return [
    ...[1, 8].flatMap((jobs) => NEAR.map((peer) => block(bench, { suite: 'small', place: main, peer, jobs }))),
    ...before(bench).flatMap((peer) => [1, 8].map((jobs) => block(bench, { suite: 'small', place: main, peer, jobs }))),
    ...FAR.map((peer) => block(bench, { suite: 'far', place: main, peer, jobs: 8 })),
    ...DISK.map((peer) => block(bench, { suite: 'disk-small', place: disk, peer, jobs: 8 })),
  ]
}
