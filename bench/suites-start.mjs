/** What it costs to start, and what a key costs in round trips. */
import { GROUP, smallFile } from './files.mjs'
import { emptyStore, peer } from './peers.mjs'
import { before } from './suites-small.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./peers.mjs').Peer} Peer */

const COLD = [
  peer('floor', 'file'),
  peer('ours', 'file'),
  peer('ora', 'file'),
  peer('directory', 'file'),
  peer('rsync', 'file'),
  peer('ours', 'ssh'),
  peer('ora', 'ssh'),
  peer('rsync', 'ssh'),
]

/**
 * A process that asks about one key and ends.
 * @param {Bench} bench
 * @param {Peer} peer
 * @returns {Block}
 */
function coldBlock(bench, peer) {
  const labels = { suite: 'cold', peer: peer.id, op: 'checkpresentkey' }
  const run = async (/** @type {number} */ round) => {
    const { main } = bench.workspace
    const { repo, store } = await bench.repositories.shared(main, peer)
    const more = { keepOutput: true }
    const { stdout } = await bench.workspace.run(['git-annex', 'lookupkey', 'cold.dat'], repo, more)
    try {
      await bench.workspace.run(['git-annex', 'copy', '--to', peer.id, 'cold.dat'], repo)
      for (let i = 0; i < Math.ceil(bench.options.cold / bench.options.rounds); i++) {
        await bench.measure({ ...labels, round }, ['git-annex', 'checkpresentkey', stdout.trim(), peer.id], repo)
      }
      await bench.workspace.run(['git-annex', 'drop', '--from', peer.id, 'cold.dat'], repo)
    } finally {
      emptyStore(peer, store)
    }
  }
  return { name: `cold/${peer.id}`, labels, peer, run }
}

/** Programs that do next to nothing, by what they are called in the table. */
const PROGRAMS = {
  node: ['node', '-e', '0'],
  version: ['riastore', '--version'],
  help: ['riastore', '--help'],
}

/**
 * How long the program takes before it does anything, beside node alone.
 * @param {Bench} bench
 * @returns {Block}
 */
function programBlock(bench) {
  const labels = { suite: 'start', peer: 'ours', op: 'start' }
  const run = async (/** @type {number} */ round) => {
    for (let i = 0; i < Math.ceil(bench.options.cold / bench.options.rounds); i++) {
      for (const [op, command] of Object.entries(PROGRAMS)) {
        await bench.measure({ ...labels, op, round }, command, bench.workspace.main.root)
      }
    }
  }
  return { name: 'start/riastore', labels, peer: peer('ours', 'file'), run }
}

/** The bare connection, without git-annex. @param {Bench} bench @returns {Block} */
function connectBlock(bench) {
  const labels = { suite: 'cold', peer: 'ssh-true', op: 'checkpresentkey' }
  const run = async (/** @type {number} */ round) => {
    for (let i = 0; i < Math.ceil(bench.options.cold / bench.options.rounds); i++) {
      await bench.measure({ ...labels, round }, ['ssh', 'bench', 'true'], bench.workspace.main.root)
    }
  }
  return { name: 'cold/ssh-true', labels, run }
}

/**
 * One job, near and far, one file and a directory of them: what grows with the number of files and
 * with the distance is the round trips of one key.
 * @param {Bench} bench
 * @param {Peer['program']} program
 * @param {'ssh' | 'far'} transport
 * @returns {Block}
 */
function tripsBlock(bench, program, transport) {
  const who = peer(program, transport)
  const many = Math.min(GROUP, Math.floor(bench.options.files / 2))
  const labels = { suite: 'trips', peer: who.id, jobs: 1 }
  const run = (/** @type {number} */ round) =>
    bench.repositories.withSmall(bench.workspace.main, who, async (repo, store) => {
      emptyStore(who, store)
      const all = Array.from({ length: many + 1 }, (_, index) => smallFile(index))
      const ops = {
        copy: ['copy', '--to', 'store'],
        fsck: ['fsck', '--fast', '--from', 'store'],
        drop: ['drop'],
        get: ['get', '--from', 'store'],
        'drop-from': ['drop', '--from', 'store'],
      }
      for (const [op, args] of Object.entries(ops)) {
        for (const paths of [all.slice(0, 1), all.slice(1)]) {
          const command = ['git-annex', ...args, '-J1', '--', ...paths]
          await bench.measure({ ...labels, op, round, items: paths.length }, command, repo)
        }
      }
    })
  return { name: `trips/${who.id}`, labels, peer: who, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function startBlocks(bench) {
  return [
    ...[...COLD, ...before(bench)].map((peer) => coldBlock(bench, peer)),
    connectBlock(bench),
    programBlock(bench),
    tripsBlock(bench, 'ours', 'ssh'),
    tripsBlock(bench, 'ours', 'far'),
    tripsBlock(bench, 'ora', 'ssh'),
    tripsBlock(bench, 'ora', 'far'),
  ]
}
