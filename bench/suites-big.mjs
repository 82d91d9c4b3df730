/** One large file both ways, beside what OpenSSH's own programs need for the same bytes. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyStore, peer } from './peers.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./workspace.mjs').Place} Place */
/** @typedef {import('./peers.mjs').Peer} Peer */

const PEERS = [
  peer('floor', 'file'),
  peer('ours', 'file'),
  peer('ora', 'file'),
  peer('directory', 'file'),
  peer('rsync', 'file'),
  peer('ours', 'ssh'),
  peer('ora', 'ssh'),
  peer('rsync', 'ssh'),
  peer('ours', 'sftp'),
]
const DISK = [peer('floor', 'file'), peer('ours', 'file'), peer('ours', 'ssh')]

/** @param {Bench} bench @param {Place} place */
async function settle(bench, place) {
  if (place.kind === 'disk') await bench.workspace.run(['sync', '-f', place.root], place.root)
}

/**
 * The next peer wants the large file in the repository, whatever this one did with it.
 * @param {Bench} bench @param {Place} place @param {string} repo
 */
export async function bringBack({ workspace, repositories }, place, repo) {
  if (workspace.closed.aborted || existsSync(join(repo, 'big.bin'))) return
  await workspace.run(['cp', await repositories.bigFile(place), 'again.bin'], repo)
  await workspace.run(['git-annex', 'reinject', 'again.bin', 'big.bin'], repo)
}

/**
 * @param {Bench} bench
 * @param {string} suite
 * @param {Place} place
 * @param {Peer} peer
 * @returns {Block}
 */
function annexBlock(bench, suite, place, peer) {
  const labels = { suite, peer: peer.id, bytes: bench.options.big }
  const run = async (/** @type {number} */ round) => {
    const { repo, store } = await bench.repositories.shared(place, peer)
    const untimed = (/** @type {string[]} */ ...command) => bench.workspace.run(command, repo)
    const timed = async (/** @type {string} */ op, /** @type {string[]} */ ...args) => {
      await settle(bench, place)
      return bench.measure({ ...labels, op, round }, ['git-annex', ...args, 'big.bin'], repo, { sampleEvery: 20 })
    }
    try {
      await timed('put', 'copy', '--to', peer.id)
      await untimed('git-annex', 'drop', '--force', 'big.bin')
      await timed('get', 'get', '--from', peer.id)
      if (peer.program === 'ours') {
        await untimed('git-annex', 'drop', '--force', 'big.bin')
        const setting = `remote.${peer.id}.annex-verify`
        await untimed('git', 'config', setting, 'false')
        await timed('get-own-check', 'get', '--from', peer.id).finally(() => untimed('git', 'config', setting, 'true'))
      }
      await untimed('git-annex', 'drop', '--from', peer.id, 'big.bin')
    } finally {
      await bringBack(bench, place, repo)
      emptyStore(peer, store)
    }
  }
  return { name: `${suite}/${peer.id}`, labels, peer, run }
}

/**
 * Programs that move the same bytes without git-annex.
 * @param {Bench} bench @param {string} suite @param {Place} place @param {string} id
 * @param {(big: string, far: string, near: string) => Record<string, {command: string, makes:
 * string}>} commands
 * @returns {Block}
 */
export function yardstickBlock(bench, suite, place, id, commands) {
  const labels = { suite, peer: id, bytes: bench.options.big }
  const run = async (/** @type {number} */ round) => {
    const big = await bench.repositories.bigFile(place)
    const far = join(place.root, 'yardstick-far')
    const near = join(place.root, 'yardstick-near')
    try {
      for (const [op, { command, makes }] of Object.entries(commands(big, far, near))) {
        rmSync(makes, { force: true })
        await settle(bench, place)
        await bench.measure({ ...labels, op, round }, ['sh', '-c', command], place.root)
        if (statSync(makes).size !== bench.options.big) throw new Error(`${id} ${op}: a file of the wrong size`)
      }
    } finally {
      rmSync(far, { force: true })
      rmSync(near, { force: true })
    }
  }
  return { name: `${suite}/${id}`, labels, run }
}

/** @param {string} big @param {string} far @param {string} near */
export const sshCat = (big, far, near) => ({
  put: { command: `ssh bench 'cat > ${far}' < ${big}`, makes: far },
  'put-sync': { command: `ssh bench 'cat > ${far} && sync ${far}' < ${big}`, makes: far },
  get: { command: `ssh bench 'cat ${far}' > ${near}`, makes: near },
  'get-md5-piped': { command: `ssh bench 'cat ${far}' | tee ${near} | md5sum`, makes: near },
  'get-md5-after': { command: `ssh bench 'cat ${far}' > ${near} && md5sum ${near}`, makes: near },
})

/** @param {string} big @param {string} far @param {string} near */
const sftp = (big, far, near) => {
  writeFileSync(`${near}.put`, `put ${big} ${far}\n`)
  writeFileSync(`${near}.get`, `get ${far} ${near}\n`)
  return {
    put: { command: `sftp -q -b ${near}.put bench-sftp`, makes: far },
    get: { command: `sftp -q -b ${near}.get bench-sftp`, makes: near },
    'get-md5-after': { command: `sftp -q -b ${near}.get bench-sftp && md5sum ${near}`, makes: near },
  }
}

/** @param {Bench} bench @returns {Block[]} */
export function bigBlocks(bench) {
  const { main, disk } = bench.workspace
  return [
    ...PEERS.map((peer) => annexBlock(bench, 'big', main, peer)),
    yardstickBlock(bench, 'big', main, 'ssh-cat', sshCat),
    yardstickBlock(bench, 'big', main, 'sftp-client', sftp),
    ...DISK.map((peer) => annexBlock(bench, 'disk-big', disk, peer)),
    yardstickBlock(bench, 'disk-big', disk, 'ssh-cat', sshCat),
  ]
}
