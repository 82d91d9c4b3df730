/** One large file by `riastore put` and `get`, beside the fastest program for each way. */
import { emptyStore, peer } from './peers.mjs'
import { bringBack, sshCat, yardstickBlock } from './suites-big.mjs'
import { rcloneBlock, s3Of } from './suites-s3.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./peers.mjs').Peer} Peer */

const SUITE = 'bulk-big'

/** The others by the place of the store, with the title of the row. */
export const BESIDE_BIG = {
  file: { peer: 'cp', title: 'cp' },
  ssh: { peer: 'ssh-cat', title: 'ssh cat' },
  s3: { peer: 'rclone-copy', title: 'rclone copy' },
}

/** @param {string} big @param {string} far @param {string} near */
const copies = (big, far, near) => ({
  put: { command: `cp ${big} ${far}`, makes: far },
  get: { command: `cp ${far} ${near}`, makes: near },
  'get-md5-after': { command: `cp ${far} ${near} && md5sum ${near}`, makes: near },
})

/** @param {Bench} bench @param {Peer['transport']} transport @returns {Block} */
function block(bench, transport) {
  const who = peer('ours', transport)
  const { main } = bench.workspace
  const labels = { suite: SUITE, peer: `riastore-${transport}`, bytes: bench.options.big }
  const open = async () => {
    if (transport !== 's3') return bench.repositories.shared(main, who)
    return { repo: await s3Of(bench).shared(who), store: '' }
  }
  const run = async (/** @type {number} */ round) => {
    const { repo, store } = await open()
    const timed = (/** @type {string} */ op, /** @type {string[]} */ ...command) =>
      bench.measure({ ...labels, op, round }, ['riastore', ...command, 'big.bin'], repo, { watch: 'program' })
    const untimed = (/** @type {string[]} */ ...command) => bench.workspace.run(['git-annex', ...command], repo)
    try {
      await timed('put', 'put', '--to', who.id)
      await untimed('drop', '--force', 'big.bin')
      await timed('get', 'get', '--from', who.id)
      await untimed('drop', '--force', '--from', who.id, 'big.bin')
    } finally {
      await bringBack(bench, main, repo)
      if (transport === 's3') await s3Of(bench).empty(who)
      else emptyStore(who, store)
    }
  }
  return { name: `${SUITE}/${labels.peer}`, labels, peer: who, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function bulkBigBlocks(bench) {
  const { main } = bench.workspace
  return [
    .../** @type {const} */ (['file', 'ssh', 's3']).map((transport) => block(bench, transport)),
    yardstickBlock(bench, SUITE, main, BESIDE_BIG.file.peer, copies),
    yardstickBlock(bench, SUITE, main, BESIDE_BIG.ssh.peer, sshCat),
    rcloneBlock(bench, s3Of(bench), SUITE),
  ]
}
