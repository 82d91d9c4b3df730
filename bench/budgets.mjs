/** The budgets of the design (section 12) and what was measured for each of them. */
import { bulkBudgets } from './bulk-report.mjs'
import { ARCHIVED_OPS } from './suites-archive.mjs'
import { GIT_OPS } from './suites-git.mjs'
import { SMALL_OPS } from './suites-small.mjs'
import { megabytes, number, peakOf, secondsOf, select } from './tables.mjs'

/** @typedef {import('./run.mjs').Sample} Sample */
/** @typedef {{what: string, budget: string, measured: string, met: boolean | undefined}} Budget */

/** @param {Sample[]} samples @param {Partial<Sample>} labels @returns {number | undefined} */
const medianOf = (samples, labels) => secondsOf(samples, labels)?.median

/**
 * A measurement that is missing gives a row that says so. @param {...(number | undefined)} numbers
 */
const known = (...numbers) => numbers.every((value) => value !== undefined)

/**
 * @param {string} what
 * @param {number | undefined} ours seconds, if no unit is given
 * @param {number | undefined} other seconds
 * @param {number} limit ours must be at most this many times the other
 * @param {string} than
 * @param {string} [unit] of both
 * @returns {Budget}
 */
function atMost(what, ours, other, limit, than, unit = 's') {
  const budget = `≤ ${limit} × ${than}`
  if (!known(ours, other)) return { what, budget, measured: 'not measured', met: undefined }
  const ratio = ours / other
  return {
    what,
    budget,
    measured: `${ratio.toFixed(2)} × (${number(ours)} / ${number(other)} ${unit})`,
    met: ratio <= limit,
  }
}

/** The same for speed: ours must be at least this part of the other's. @type {typeof atMost} */
function atLeast(what, ours, other, limit, than) {
  const budget = `≥ ${limit} × the speed of ${than}`
  if (!known(ours, other)) return { what, budget, measured: 'not measured', met: undefined }
  const ratio = other / ours
  return { what, budget, measured: `${ratio.toFixed(2)} × (${number(other)} / ${number(ours)} s)`, met: ratio >= limit }
}

/**
 * What one connection costs our program: the difference between its cold starts over ssh and on a
 * file store.
 * @param {Sample[]} samples @returns {number | undefined} seconds
 */
export function connectionSetUp(samples) {
  const ssh = medianOf(samples, { suite: 'cold', peer: 'ours-ssh' })
  const file = medianOf(samples, { suite: 'cold', peer: 'ours-file' })
  return known(ssh, file) ? ssh - file : undefined
}

/** @param {Sample[]} samples @param {number} jobs @returns {Budget[]} */
function smallBudgets(samples, jobs) {
  const near = { suite: 'small', jobs }
  const setUp = connectionSetUp(samples)
  const timesOf = (/** @type {string} */ peer, /** @type {string} */ op) => medianOf(samples, { ...near, peer, op })
  const rows = ['copy', 'drop', 'fsck', 'get', 'drop-from'].flatMap((op) => {
    const floor = timesOf('floor-file', op)
    const limit = known(floor, setUp) ? 1.3 * floor + setUp : undefined
    const ssh = timesOf('ours-ssh', op)
    const title = `${SMALL_OPS[op]} -J${jobs}`
    return [
      atMost(`${title}, file`, timesOf('ours-file', op), floor, 1.15, 'floor'),
      {
        what: `${title}, ssh`,
        budget: known(limit) ? `≤ 1.3 × floor + set-up = ${number(limit)} s` : '≤ 1.3 × floor + set-up',
        measured: known(ssh, floor) ? `${number(ssh)} s (${(ssh / floor).toFixed(2)} × floor)` : 'not measured',
        met: known(ssh, limit) ? ssh <= limit : undefined,
      },
    ]
  })
  const own = `get -J${jobs}, annex-verify=false, checked by riastore`
  const floorGet = timesOf('floor-file', 'get')
  return [
    ...rows,
    atMost(`${own}, file`, timesOf('ours-file', 'get-own-check'), floorGet, 0.4, "the floor's ordinary get"),
    atMost(`${own}, ssh`, timesOf('ours-ssh', 'get-own-check'), floorGet, 0.5, "the floor's ordinary get"),
  ]
}

/** @param {Sample[]} samples @returns {Budget[]} */
function bigBudgets(samples) {
  const big = (/** @type {string} */ peer, /** @type {string} */ op) => medianOf(samples, { suite: 'big', peer, op })
  const peaks = ['ours-file', 'ours-ssh', 'ours-sftp'].flatMap((peer) => peakOf(samples, { suite: 'big', peer }) ?? [])
  return [
    atLeast('large file copy, ssh', big('ours-ssh', 'put'), big('ssh-cat', 'put'), 0.9, 'ssh cat'),
    atLeast(
      'large file get, ssh',
      big('ours-ssh', 'get'),
      big('ssh-cat', 'get-md5-after'),
      0.9,
      'ssh cat, then md5sum',
    ),
    atLeast('large file copy, SFTP only', big('ours-sftp', 'put'), big('sftp-client', 'put'), 0.7, 'sftp put'),
    atLeast('large file get, SFTP only', big('ours-sftp', 'get'), big('sftp-client', 'get'), 0.7, 'sftp get'),
    {
      what: 'peak memory of the remote with the large file',
      budget: '≤ 150 MB',
      measured: peaks.length > 0 ? megabytes(Math.max(...peaks)) : 'not measured',
      met: peaks.length > 0 ? Math.max(...peaks) <= 150e6 : undefined,
    },
  ]
}

/**
 * Round trips that one key costs, at -J1: how much longer a key takes far away than near, in round
 * trips.
 * @param {Sample[]} samples
 * @param {string} program
 * @param {string} op
 * @param {number} roundTrip ms
 * @returns {number | undefined}
 */
export function roundTripsPerKey(samples, program, op, roundTrip) {
  const perKey = (/** @type {string} */ peer) => {
    const labels = { suite: 'trips', peer, op }
    const many = Math.max(...select(samples, labels).map(({ items }) => items ?? 0))
    const all = medianOf(samples, { ...labels, items: many })
    const one = medianOf(samples, { ...labels, items: 1 })
    return many > 1 && known(all, one) ? (all - one) / (many - 1) : undefined
  }
  const far = perKey(`${program}-far`)
  const near = perKey(`${program}-ssh`)
  return known(far, near) ? (far - near) / (roundTrip / 1000) : undefined
}

/** Half a round trip of noise is allowed: the count itself is a whole number. */
const NOISE = 0.5

/** @param {Sample[]} samples @param {number} roundTrip ms @returns {Budget[]} */
function distanceBudgets(samples, roundTrip) {
  const check = roundTripsPerKey(samples, 'ours', 'fsck', roundTrip)
  const copy = roundTripsPerKey(samples, 'ours', 'copy', roundTrip)
  const store = known(copy, check) ? copy - check : undefined
  const row = (/** @type {string} */ what, /** @type {number | undefined} */ trips, /** @type {number} */ limit) => ({
    what,
    budget: `${limit} at most`,
    measured: known(trips) ? trips.toFixed(2) : 'not measured',
    met: known(trips) ? trips <= limit + NOISE : undefined,
  })
  const far = (/** @type {string} */ peer) => medianOf(samples, { suite: 'far', peer, op: 'copy' })
  return [
    row("round trips to store a small key (copy less git-annex's own check)", store, 2),
    row('round trips to check a key', check, 1),
    atLeast('small files copy -J8, 20 ms each way', far('ours-far'), far('ora-far'), 5, 'ORA'),
  ]
}

/**
 * The numbers of members of the archives of a suite, the smallest first.
 * @param {Sample[]} samples
 * @param {string} suite
 */
export const membersOf = (samples, suite) =>
  [...new Set(select(samples, { suite }).map(({ members }) => members ?? 0))].sort((a, b) => a - b)

/** As in the text of the page. @param {number} count */
export const grouped = (count) => count.toLocaleString('en')

/** @param {Sample[]} samples @returns {Budget[]} */
function archiveBudgets(samples) {
  const perKey = membersOf(samples, 'archived').flatMap((members) =>
    Object.entries(ARCHIVED_OPS).map(([op, title]) => {
      const perKey = (/** @type {string} */ peer) => {
        const own = { suite: 'archived', members, peer }
        const [all, one] = [medianOf(samples, { ...own, op }), medianOf(samples, { ...own, op: `${op}-one` })]
        const { items = 0 } = select(samples, { ...own, op })[0] ?? {}
        return known(all, one) && items > 1 ? ((all - one) / (items - 1)) * 1000 : undefined
      }
      const what = `${title}, each key of an archive of ${grouped(members)}, file`
      return atMost(what, perKey('ours-file'), perKey('floor-file'), 1.25, 'floor', 'ms')
    }),
  )
  return [
    ...perKey,
    ...membersOf(samples, 'first').flatMap((members) => firstBudgets(samples, members)),
    ...packBudgets(samples),
  ]
}

/** @param {Sample[]} samples @param {number} members @returns {Budget[]} */
function firstBudgets(samples, members) {
  const first = (/** @type {string} */ peer, /** @type {string} */ op) =>
    medianOf(samples, { suite: 'first', peer, op })
  const cold = first('ours-file', 'get-cold')
  const warm = first('ours-file', 'get-warm')
  const floor = first('floor-file', 'get-warm')
  const peak = peakOf(samples, { suite: 'first', peer: 'ours-file' })
  const of = `the first key of an archive of ${grouped(members)}`
  return [
    {
      what: `${of}, no index yet`,
      budget: '≤ 2 s',
      measured: known(cold) ? `${number(cold)} s` : 'not measured',
      met: known(cold) ? cold <= 2 : undefined,
    },
    {
      what: `${of}, indexed`,
      budget: '≤ floor + 0.2 s',
      measured: known(warm, floor) ? `floor + ${number(warm - floor)} s` : 'not measured',
      met: known(warm, floor) ? warm <= floor + 0.2 : undefined,
    },
    {
      what: 'peak memory of the remote with that archive',
      budget: '≤ 250 MB',
      measured: known(peak) ? megabytes(peak) : 'not measured',
      met: known(peak) ? peak <= 250e6 : undefined,
    },
  ]
}

/** @param {Sample[]} samples @returns {Budget[]} */
function packBudgets(samples) {
  const ours = { suite: 'pack', peer: 'ours-file', op: 'pack' }
  const items = select(samples, ours)[0]?.items
  const seven = medianOf(samples, { suite: 'pack', peer: '7z', op: 'pack' })
  return [atMost(`compaction of ${grouped(items ?? 0)} keys`, medianOf(samples, ours), seven, 2.5, '7z a -mx0')]
}

/** The requests of one key, as the server's own time is counted. */
const REQUESTS_PER_KEY = { get: ['GET'], drop: ['HEAD'], fsck: ['HEAD'], 'drop-from': ['DELETE'] }

/**
 * Seconds that the server needs for the requests of so many keys, one after the other.
 * @param {Sample[]} samples
 * @param {string} op
 * @param {number} keys
 */
function serverTime(samples, op, keys) {
  const times = REQUESTS_PER_KEY[op].map((kind) => {
    const of = { suite: 's3-requests', op: kind }
    const seconds = medianOf(samples, of)
    return known(seconds) ? (seconds / select(samples, of)[0].items) * keys : undefined
  })
  return known(...times) ? times.reduce((sum, time) => sum + time, 0) : undefined
}

/** @param {Sample[]} samples @returns {Budget[]} */
function s3Budgets(samples) {
  const own = (/** @type {number} */ jobs, /** @type {string} */ peer, /** @type {string} */ op) =>
    medianOf(samples, { suite: 's3-small', jobs, peer, op })
  const big = (/** @type {string} */ peer, /** @type {string} */ op) => medianOf(samples, { suite: 's3-big', peer, op })
  const git = (/** @type {string} */ peer, /** @type {string} */ op) => medianOf(samples, { suite: 'git', peer, op })
  const peak = peakOf(samples, { suite: 's3-big', peer: 'ours-s3' })
  const near = Object.keys(REQUESTS_PER_KEY).map((op) => {
    const ours = own(1, 'ours-s3', op)
    const keys = select(samples, { suite: 's3-small', jobs: 1, peer: 'ours-s3', op })[0]?.items ?? 0
    const [floor, server] = [own(1, 'floor-file', op), serverTime(samples, op, keys)]
    const limit = known(floor, server) ? 1.25 * floor + server : undefined
    return {
      what: `${SMALL_OPS[op]} -J1, S3`,
      budget: known(limit)
        ? `≤ 1.25 × floor + the server's time = ${number(limit)} s`
        : "≤ 1.25 × floor + the server's time",
      measured: known(ours, limit) ? `${number(ours)} s` : 'not measured',
      met: known(ours, limit) ? ours <= limit : undefined,
    }
  })
  return [
    atMost('copy --to -J1, S3', own(1, 'ours-s3', 'copy'), own(1, 'gitannex-s3', 'copy'), 1, '`rclone gitannex`'),
    atMost('copy --to -J8, S3', own(8, 'ours-s3', 'copy'), own(8, 'builtin-s3', 'copy'), 1, "git-annex's own S3"),
    ...near,
    atMost('large file copy, S3', big('ours-s3', 'put'), big('builtin-s3', 'put'), 1.15, "git-annex's own S3"),
    atMost('large file get, S3', big('ours-s3', 'get'), big('builtin-s3', 'get'), 1, "git-annex's own S3"),
    atMost('large file copy, S3', big('ours-s3', 'put'), big('rclone-copy', 'put'), 1.25, 'rclone copy'),
    atMost(
      'large file get, S3',
      big('ours-s3', 'get'),
      big('rclone-copy', 'get-md5-after'),
      1.25,
      'rclone copy, then md5sum',
    ),
    {
      what: 'peak memory of the remote with the large file, S3',
      budget: '≤ 250 MB',
      measured: known(peak) ? megabytes(peak) : 'not measured',
      met: known(peak) ? peak <= 250e6 : undefined,
    },
    ...['clone', 'push', 'fetch'].map((op) =>
      atMost(`git ${GIT_OPS[op]}, S3`, git('git-s3', op), git('git-ssh', op), 1.5, 'over ssh'),
    ),
  ]
}

/** @param {Sample[]} samples @returns {Budget[]} */
function setupBudgets(samples) {
  const of = (/** @type {string} */ peer, /** @type {string} */ op) => medianOf(samples, { suite: 'setup', peer, op })
  const theirs = 'create-sibling-ria and create-sibling-gitlab'
  return [atMost('datalad run-procedure cfg_NAME', of('ours', 'run-procedure'), of('datalad', 'both'), 1, theirs)]
}

/** @param {Sample[]} samples @param {number} roundTrip ms @returns {Budget[]} */
export function budgets(samples, roundTrip) {
  const cold = (/** @type {string} */ peer) => medianOf(samples, { suite: 'cold', peer })
  const start = (/** @type {string} */ op) => medianOf(samples, { suite: 'start', op })
  return [
    ...smallBudgets(samples, 1),
    ...smallBudgets(samples, 8),
    atMost('riastore --version', start('version'), start('node'), 1.3, 'node -e 0'),
    atMost('riastore --help', start('help'), start('node'), 2, 'node -e 0'),
    atMost('cold checkpresentkey, file', cold('ours-file'), cold('floor-file'), 1.2, 'floor'),
    ...bigBudgets(samples),
    ...distanceBudgets(samples, roundTrip),
    ...archiveBudgets(samples),
    ...s3Budgets(samples),
    ...setupBudgets(samples),
    ...bulkBudgets(samples),
  ]
}
