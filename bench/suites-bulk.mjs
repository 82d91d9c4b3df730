/**
 * Many files at once: `riastore get` and `put` beside git-annex, and beside tools that copy the
 * same objects and know nothing of keys.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { GROUP, removeTree } from './files.mjs'
import { countKeys, datasetIn, emptyStore, peer } from './peers.mjs'
import { countObjects } from './repositories.mjs'
import { HOST } from './s3-server.mjs'
import { s3Of } from './suites-s3.mjs'
import { directoriesFor } from './suites-small.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./peers.mjs').Peer} Peer */

/** Titles of the columns, in the order in which the work is done. */
export const BULK_OPS = {
  put: 'to the store',
  get: 'from the store',
  'put-archive': 'to the archive',
  'get-archive': 'from the archive',
}

/** Titles of the rows, by the tool. */
export const BULK_TOOLS = {
  riastore: 'riastore put, get',
  annex: 'git annex copy, get',
  cp: 'cp -r',
  rsync: 'rsync -a',
  rclone: 'rclone copy',
  floor: 'the requests alone',
}

const OBJECTS = '.git/annex/objects'

const PACKS = '.git/objects/pack'

/** git-annex takes so much longer over a line with 40 ms that a part of the files has to do. */
const SLOW_FILES = 300

/**
 * @typedef {object} Access how a block reaches its store
 * @property {Peer} peer
 * @property {(work: (repo: string, store: string) => Promise<void>) => Promise<void>}
 * withRepository
 * @property {(store: string) => Promise<void> | void} empty
 * @property {(store: string) => Promise<number> | number} count the loose keys
 */

/** @param {Bench} bench @param {Peer['transport']} transport @returns {Access} */
function accessTo(bench, transport) {
  const who = peer('ours', transport)
  const { main } = bench.workspace
  if (transport !== 's3') {
    return {
      peer: who,
      withRepository: (work) => bench.repositories.withSmall(main, who, work),
      empty: (store) => {
        emptyStore(who, store)
        removeTree(join(datasetIn(store), 'archives'))
      },
      count: (store) => countKeys(who, store),
    }
  }
  const s3 = s3Of(bench)
  return {
    peer: who,
    withRepository: (work) => s3.withSmall(who, (repo) => work(repo, '')),
    empty: () => s3.emptyAll(who),
    count: () => s3.count(who),
  }
}

/**
 * @param {Bench} bench
 * @param {Peer['transport']} transport
 * @param {'riastore' | 'annex'} tool
 * @param {string[]} [paths] of the files that are moved
 * @returns {Block}
 */
function block(bench, transport, tool, paths = ['.']) {
  const { files: all } = bench.options
  const files = paths[0] === '.' ? all : Math.min(all, paths.length * GROUP)
  const access = accessTo(bench, transport)
  const labels = { suite: 'bulk', peer: `${tool}-${transport}`, items: files }
  const commands = {
    riastore: {
      put: ['riastore', 'put', '--to', 'store', ...paths],
      get: ['riastore', 'get', '--from', 'store', ...paths],
    },
    annex: {
      put: ['git-annex', 'copy', '--to', 'store', ...paths],
      get: ['git-annex', 'get', '--from', 'store', ...paths],
    },
  }[tool]
  const expect = (/** @type {string} */ op, /** @type {number} */ found, /** @type {number} */ wanted) => {
    if (found !== wanted) throw new Error(`${labels.peer} ${op}: ${found} of ${wanted} files are there`)
  }

  const drop = (/** @type {string} */ repo) =>
    bench.workspace.run(['git-annex', 'drop', '--force', '--quiet', ...paths], repo)
  // Each way has a repository of its own: to take 10,000 keys out of the store again takes
  // git-annex longer than all that is measured of riastore.
  const run = async (/** @type {number} */ round) => {
    const timed = (/** @type {string} */ op, /** @type {string[]} */ command, /** @type {string} */ repo) =>
      bench.measure({ ...labels, op, round }, command, repo, { sampleEvery: 100, watch: 'program' })
    await access.withRepository(async (repo, store) => {
      await access.empty(store)
      await timed('put', commands.put, repo)
      expect('put', await access.count(store), files)
      await drop(repo)
      await timed('get', commands.get, repo)
      expect('get', countObjects(repo), all)
      await access.empty(store)
    })
    // git-annex reads archives, too; only we write them.
    await access.withRepository(async (repo, store) => {
      const archive = ['riastore', 'put', '--to', 'store', '--archive', ...paths]
      if (tool === 'riastore') await timed('put-archive', archive, repo)
      else await bench.workspace.run(archive, repo)
      await drop(repo)
      await timed('get-archive', commands.get, repo)
      expect('get-archive', countObjects(repo), all)
      await access.empty(store)
    })
  }
  return { name: `bulk/${labels.peer}`, labels, peer: access.peer, run }
}

/** Sends as many requests of the same sizes, and does nothing else. */
const FLOOR = join(import.meta.dirname, 's3-floor.mjs')

/**
 * A tool that copies the objects of a repository to a place beside it, and back.
 * @param {Bench} bench
 * @param {'cp' | 'rsync' | 'rclone' | 'floor'} tool
 * @returns {Block}
 */
function copyBlock(bench, tool) {
  const { files } = bench.options
  const transport = { cp: 'file', rsync: 'ssh', rclone: 's3', floor: 's3' }[tool]
  const labels = { suite: 'bulk', peer: `${tool}-${transport}`, items: files }
  /** Neither counts keys nor copies any. @param {number} round @param {string} original */
  const runFloor = async (round, original) => {
    const s3 = s3Of(bench)
    const { credentials: variables } = await s3.server()
    for (const op of ['put', 'get']) {
      const command = ['node', FLOOR, op, `http://${HOST}`, s3.rcloneBucket, join(original, OBJECTS)]
      await bench.measure({ ...labels, op, round }, command, original, { variables })
    }
    await s3.emptyRclone()
  }
  const run = async (/** @type {number} */ round) => {
    const { main } = bench.workspace
    const there = join(main.root, 'copied')
    const back = join(main.root, 'copied-back')
    const original = await bench.repositories.smallOriginal(main)
    if (tool === 'floor') return runFloor(round, original)
    const timed = (/** @type {string} */ op, /** @type {string[]} */ command) =>
      bench.measure({ ...labels, op, round }, command, original)
    try {
      mkdirSync(there)
      if (tool === 'cp') {
        await timed('put', ['cp', '-r', OBJECTS, join(there, 'objects')])
        await timed('get', ['cp', '-r', join(there, 'objects'), back])
      } else if (tool === 'rsync') {
        await timed('put', ['rsync', '-a', OBJECTS, `bench:${there}/`])
        await timed('get', ['rsync', '-a', `bench:${there}/objects`, back])
      } else {
        const s3 = s3Of(bench)
        await s3.server()
        await timed('put', ['rclone', 'copy', OBJECTS, `ceph:${s3.rcloneBucket}/objects`])
        await timed('get', ['rclone', 'copy', `ceph:${s3.rcloneBucket}/objects`, back])
        await s3.emptyRclone()
      }
    } finally {
      removeTree(there)
      removeTree(back)
    }
  }
  return { name: `bulk/${labels.peer}`, labels, run }
}

/** What git-annex itself does of a `riastore get`, by the step. */
export const SHARE_OPS = { find: 'git annex find', merge: 'git-annex merges the records' }

/**
 * The two steps of a `riastore get` that are git-annex's.
 * @param {Bench} bench
 * @returns {Block}
 */
function shareBlock(bench) {
  const access = accessTo(bench, 'file')
  const labels = { suite: 'bulk', peer: 'share-file', items: bench.options.files }
  const run = async (/** @type {number} */ round) => {
    await access.withRepository(async (repo) => {
      const step = (/** @type {string[]} */ command, cwd = repo) => bench.workspace.run(command, cwd)
      const timed = (/** @type {string} */ op, /** @type {string[]} */ command) =>
        bench.measure({ ...labels, op, round }, command, repo)
      await step(['riastore', 'put', '--to', 'store'])
      await step(['git-annex', 'drop', '--force', '--quiet', '.'])
      await timed('find', ['git-annex', 'find', '--not', '--in=here', '--format=$' + '{key}\\000'])
      // Another repository has the records of a get, which this one takes over.
      const other = `${repo}-got`
      try {
        await step(['cp', '-a', repo, other])
        await step(['riastore', 'get', '--from', 'store'], other)
        // The old logs, too, which are in git's packs since then.
        await step(['cp', '-an', join(other, PACKS), join(repo, '.git', 'objects')])
        await step(['git', 'fetch', '-q', other, 'git-annex:refs/riastore/bench/git-annex'])
      } finally {
        removeTree(other)
      }
      await timed('merge', ['git-annex', 'merge'])
    })
  }
  return { name: `bulk/${labels.peer}`, labels, peer: access.peer, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function bulkBlocks(bench) {
  const few = directoriesFor(Math.min(bench.options.files, SLOW_FILES))
  const near = /** @type {const} */ (['file', 'ssh', 's3'])
  return [
    ...near.flatMap((transport) => [block(bench, transport, 'riastore'), block(bench, transport, 'annex')]),
    block(bench, 'far', 'riastore', few),
    block(bench, 'far', 'annex', few),
    shareBlock(bench),
    .../** @type {const} */ (['cp', 'rsync', 'rclone', 'floor']).map((tool) => copyBlock(bench, tool)),
  ]
}
