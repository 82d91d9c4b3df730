/** Keys in S3: our remote beside git-annex's own and `rclone copy`, on one Ceph. */
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { placeOf, unpackFrom } from '../scripts/other-debian.mjs'
import { GROUP, removeTree } from './files.mjs'
import { countKeys, DATASET, EXTERNAL_TYPES, emptyStore, isOurs, peer } from './peers.mjs'
import { once } from './repositories.mjs'
import { HOST } from './s3-server.mjs'
import { bringBack } from './suites-big.mjs'
import { directoriesFor, measureSmallFiles } from './suites-small.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./peers.mjs').Peer} Peer */

const FLOOR = peer('floor', 'file')
const OURS = peer('ours', 's3')
const BEFORE = peer('before', 's3')
const BUILT_IN = peer('builtin', 's3')
const GIT_ANNEX_BY_RCLONE = peer('gitannex', 's3')

/** Of each kind that is timed. */
const REQUESTS = 300

const NEWER = 'riastore-rclone-sid'
/** There when its block ran once. */
export const NEWER_RCLONE = join(placeOf(NEWER), 'root/usr/bin/rclone')

const BUCKETS = {
  ours: 'bench-ours',
  before: 'bench-before',
  builtin: 'bench-builtin',
  gitannex: 'bench-gitannex',
  rclone: 'bench-rclone',
}

/** @type {WeakMap<import('./workspace.mjs').Workspace, ReturnType<typeof openS3>>} */
const opened = new WeakMap()

/** What all blocks about S3 have together. @param {Bench} bench */
export function s3Of(bench) {
  const found = opened.get(bench.workspace) ?? openS3(bench)
  opened.set(bench.workspace, found)
  return found
}

/** What is made once, when the first block wants it. @param {Bench} bench */
function openS3({ workspace, repositories }) {
  const { main } = workspace
  const prepared = once(async () => {
    const server = await workspace.s3()
    for (const bucket of Object.values(BUCKETS)) await server.makeBucket(bucket)
    for (const bucket of [BUCKETS.ours, BUCKETS.before]) {
      await server.put(bucket, 'store/ria-layout-version', '1\n')
      await server.put(bucket, `store/${DATASET.slice(0, 3)}/${DATASET.slice(3)}/ria-layout-version`, '2\n')
    }
    const directory = join(main.root, 'home', '.config', 'rclone')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'rclone.conf'), rcloneConfiguration(server.account))
    return server
  })
  const server = () => prepared('')

  /** Debian 12's does not speak with git-annex. It finds out by its name that it has to. */
  const newerRclone = once(async () => {
    await unpackFrom({ suite: 'sid', packages: ['rclone'], name: NEWER })
    symlinkSync(NEWER_RCLONE, join(main.root, 'bin', 'git-annex-remote-rclone-builtin'))
  })

  /** Only keys count. @param {Peer} who */
  const keysOf = async (who) => {
    const all = await (await server()).list(BUCKETS[who.program])
    return all.filter((path) => (isOurs(who) ? path.includes('/annex/objects/') : !path.includes('annex-uuid')))
  }

  const initParameters = (/** @type {Peer} */ who, /** @type {string} */ name) => {
    const common = ['encryption=none', 'autoenable=false']
    if (who.program === 'gitannex') {
      const place = ['rcloneremotename=ceph', `rcloneprefix=${BUCKETS.gitannex}/annex`, 'rclonelayout=lower']
      return ['type=external', `externaltype=${EXTERNAL_TYPES.gitannex}`, ...place, ...common]
    }
    if (isOurs(who)) {
      const url = `ria+s3+http://${HOST}/${BUCKETS[who.program]}/store`
      return [
        'type=external',
        `externaltype=${EXTERNAL_TYPES[who.program]}`,
        `url=${url}`,
        `archive-id=${DATASET}`,
        ...common,
      ]
    }
    return [
      'type=S3',
      `host=${HOST}`,
      'port=80',
      'protocol=http',
      ...BUILT_IN_STYLE,
      `bucket=${BUCKETS.builtin}`,
      `fileprefix=${name}/`,
      ...common,
    ]
  }

  /** Adds the peer as a remote. @param {string} repo @param {Peer} who @param {string} name */
  const addRemote = async (repo, who, name) => {
    const { credentials } = await server()
    if (who.program === 'gitannex') await newerRclone('')
    await workspace.run(['git-annex', 'initremote', name, ...initParameters(who, name)], repo, {
      variables: credentials,
    })
  }

  const templates = once(async (program) => {
    const repo = join(main.root, `template-s3-${program}`)
    await workspace.run(['cp', '-a', await repositories.smallOriginal(main), repo], main.root)
    await addRemote(repo, peer(/** @type {Peer['program']} */ (program), 's3'), 'store')
    return repo
  })

  const shared = once(async (program) => {
    const who = peer(/** @type {Peer['program']} */ (program), 's3')
    const { repo } = await repositories.shared(main, FLOOR)
    await addRemote(repo, who, who.id)
    return repo
  })

  return {
    server,
    count: async (/** @type {Peer} */ who) => (await keysOf(who)).length,
    empty: async (/** @type {Peer} */ who) => (await server()).remove(BUCKETS[who.program], await keysOf(who)),
    /** Takes out what lies besides keys, too: archives. @param {Peer} who */
    async emptyAll(who) {
      const all = await (await server()).list(BUCKETS[who.program])
      await (await server()).remove(
        BUCKETS[who.program],
        all.filter((path) => !path.endsWith('ria-layout-version')),
      )
    },
    rcloneBucket: BUCKETS.rclone,
    emptyRclone: async () => (await server()).remove(BUCKETS.rclone, await (await server()).list(BUCKETS.rclone)),
    shared: (/** @type {Peer} */ who) => shared(who.program),
    /** @param {Peer} who @param {(repo: string) => Promise<void>} work gets a fresh repository */
    async withSmall(who, work) {
      const template = await templates(who.program)
      const repo = join(main.root, 'work')
      try {
        await workspace.run(['cp', '-a', template, repo], main.root)
        await workspace.run(['git', 'update-index', '-q', '--refresh'], repo)
        await work(repo)
      } finally {
        removeTree(repo)
      }
    },
  }
}

const BUILT_IN_STYLE = ['requeststyle=path', 'signature=v4', 'datacenter=us-east-1']

/** @param {import('../test/support/servers/ceph-rgw.ts').S3Account} account */
const rcloneConfiguration = ({ accessKeyId, secretAccessKey }) => `[ceph]
type = s3
provider = Ceph
access_key_id = ${accessKeyId}
secret_access_key = ${secretAccessKey}
endpoint = http://${HOST}
`

/**
 * @param {Bench} bench
 * @param {ReturnType<typeof openS3>} s3
 * @param {Peer} who
 * @param {number} jobs
 * @returns {Block}
 */
function smallBlock(bench, s3, who, jobs) {
  const { files } = bench.options
  const paths = directoriesFor(files)
  const labels = { suite: 's3-small', peer: who.id, jobs, items: Math.min(files, paths.length * GROUP) }
  const what = {
    labels,
    paths,
    unverified: isOurs(who),
    empty: () => s3.empty(who),
    count: () => s3.count(who),
  }
  const run = (/** @type {number} */ round) => s3.withSmall(who, (repo) => measureSmallFiles(bench, what, repo, round))
  return { name: `s3-small/${who.id}/J${jobs}`, labels, peer: who, run }
}

/**
 * For the budgets, which count the floor and the server's time.
 * @param {Bench} bench
 * @returns {Block}
 */
function floorBlock(bench) {
  const { files } = bench.options
  const labels = { suite: 's3-small', peer: FLOOR.id, jobs: 1, items: files }
  const run = (/** @type {number} */ round) =>
    bench.repositories.withSmall(bench.workspace.main, FLOOR, (repo, store) => {
      const what = { labels, paths: directoriesFor(files), unverified: false }
      const empty = () => emptyStore(FLOOR, store)
      return measureSmallFiles(bench, { ...what, empty, count: () => countKeys(FLOOR, store) }, repo, round)
    })
  return { name: 's3-small/floor-file/J1', labels, peer: FLOOR, run }
}

/** @param {Bench} bench @param {ReturnType<typeof openS3>} s3 @param {Peer} who @returns {Block} */
function bigBlock(bench, s3, who) {
  const labels = { suite: 's3-big', peer: who.id, bytes: bench.options.big }
  const run = async (/** @type {number} */ round) => {
    const repo = await s3.shared(who)
    const untimed = (/** @type {string[]} */ ...command) => bench.workspace.run(command, repo)
    const timed = (/** @type {string} */ op, /** @type {string[]} */ ...args) =>
      bench.measure({ ...labels, op, round }, ['git-annex', ...args, 'big.bin'], repo, { sampleEvery: 20 })
    try {
      await timed('put', 'copy', '--to', who.id)
      await untimed('git-annex', 'drop', '--force', 'big.bin')
      await timed('get', 'get', '--from', who.id)
      if (who.program === 'ours') {
        await untimed('git-annex', 'drop', '--force', 'big.bin')
        const setting = `remote.${who.id}.annex-verify`
        await untimed('git', 'config', setting, 'false')
        await timed('get-own-check', 'get', '--from', who.id).finally(() => untimed('git', 'config', setting, 'true'))
      }
      await untimed('git-annex', 'drop', '--from', who.id, 'big.bin')
    } finally {
      await bringBack(bench, bench.workspace.main, repo)
      await s3.empty(who)
    }
  }
  return { name: `s3-big/${who.id}`, labels, peer: who, run }
}

/**
 * rclone without git-annex.
 * @param {Bench} bench
 * @param {ReturnType<typeof openS3>} s3
 * @param {string} [suite]
 * @returns {Block}
 */
export function rcloneBlock(bench, s3, suite = 's3-big') {
  const labels = { suite, peer: 'rclone-copy', bytes: bench.options.big }
  const run = async (/** @type {number} */ round) => {
    const { main } = bench.workspace
    await s3.server()
    const big = await bench.repositories.bigFile(main)
    const [there, near] = [`ceph:${BUCKETS.rclone}/big.bin`, join(main.root, 'near.bin')]
    const timed = (/** @type {string} */ op, /** @type {string} */ command) =>
      bench.measure({ ...labels, op, round }, ['sh', '-c', command], main.root)
    try {
      await timed('put', `rclone copyto '${big}' ${there}`)
      await timed('get', `rclone copyto ${there} '${near}'`)
      if (statSync(near).size !== bench.options.big) throw new Error('rclone: a file of the wrong size')
      rmSync(near)
      await timed('get-md5-after', `rclone copyto ${there} '${near}' && md5sum '${near}'`)
    } finally {
      rmSync(near, { force: true })
      await (await s3.server()).remove(BUCKETS.rclone, ['big.bin'])
    }
  }
  return { name: `${suite}/rclone-copy`, labels, run }
}

/**
 * What the server takes for one request of the SDK's client, one after the other.
 * @param {Bench} bench
 * @param {ReturnType<typeof openS3>} s3
 * @returns {Block}
 */
function requestsBlock(bench, s3) {
  const labels = { suite: 's3-requests', peer: 'sdk' }
  const run = async (/** @type {number} */ round) => {
    const { timeRequests } = await s3.server()
    for (const [op, seconds] of Object.entries(await timeRequests(BUCKETS.ours, REQUESTS))) {
      bench.record({ ...labels, op, round, items: REQUESTS, seconds })
    }
  }
  return { name: 's3-requests/sdk', labels, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function s3Blocks(bench) {
  const s3 = s3Of(bench)
  const small =
    bench.options.before === undefined
      ? [OURS, BUILT_IN, GIT_ANNEX_BY_RCLONE]
      : [OURS, BEFORE, BUILT_IN, GIT_ANNEX_BY_RCLONE]
  return [
    floorBlock(bench),
    ...[1, 8].flatMap((jobs) => small.map((who) => smallBlock(bench, s3, who, jobs))),
    ...[OURS, BUILT_IN, GIT_ANNEX_BY_RCLONE].map((who) => bigBlock(bench, s3, who)),
    rcloneBlock(bench, s3),
    requestsBlock(bench, s3),
  ]
}
