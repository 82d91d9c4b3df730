/**
 * What was measured of many files at once: the table, and the budgets of issue "whole datasets".
 */
import { BULK_OPS, BULK_TOOLS, SHARE_OPS } from './suites-bulk.mjs'
import { BESIDE_BIG } from './suites-bulk-big.mjs'
import { cell, number, secondsOf, select, table } from './tables.mjs'

/** @typedef {import('./run.mjs').Sample} Sample */

/** Where the store is: titles of the tables. */
const PLACES = { file: 'on a disk', ssh: 'over ssh', far: 'over ssh, a far host', s3: 'in S3' }

/** @param {Sample[]} samples @param {string} place */
function placeTable(samples, place) {
  const own = select(samples, { suite: 'bulk' }).filter(({ peer }) => peer.endsWith(`-${place}`))
  const rows = Object.entries(BULK_TOOLS).flatMap(([tool, title]) => {
    const peer = `${tool}-${place}`
    if (select(own, { peer }).length === 0) return []
    const cells = Object.keys(BULK_OPS).map((op) =>
      cell(own, { peer, op }, secondsOf(own, { peer: `annex-${place}`, op })?.median),
    )
    return [[title, ...cells]]
  })
  const items = own[0]?.items ?? 0
  return table([`${items} files ${PLACES[place]}`, ...Object.values(BULK_OPS)], rows)
}

/**
 * What a `riastore get` cannot be shorter than: git-annex's steps come one after the other, the
 * last of them when all else is done.
 * @param {Sample[]} samples
 */
function shareTable(samples) {
  const of = (/** @type {string} */ peer, /** @type {string} */ op) =>
    secondsOf(samples, { suite: 'bulk', peer, op })?.median
  const steps = Object.keys(SHARE_OPS).map((op) => of('share-file', op))
  if (steps.some((seconds) => seconds === undefined)) return ''
  const together = steps.reduce((sum, seconds) => sum + seconds, 0)
  const beside = Object.entries({ 'cp-file': 'cp -r', 'rsync-ssh': 'rsync -a' }).map(([peer, title]) => {
    const other = of(peer, 'get')
    return [title, other === undefined ? '' : `${(together / other).toFixed(1)} × as long`]
  })
  const [{ items }] = select(samples, { suite: 'bulk', peer: 'share-file' })
  return table(
    [
      `${items} files: what git-annex itself does of a get`,
      ...Object.values(SHARE_OPS),
      'both',
      ...beside.map(([title]) => `beside ${title}`),
    ],
    [['seconds', ...steps.map(number), number(together), ...beside.map(([, times]) => times)]],
  )
}

/** Titles of the columns about a large file. */
const BIG_OPS = { put: 'to the store', get: 'from the store', 'get-md5-after': 'from the store, then md5sum' }

/** @param {Sample[]} samples */
function bigTable(samples) {
  const own = select(samples, { suite: 'bulk-big' })
  const rows = Object.entries(BESIDE_BIG).flatMap(([place, { peer, title }]) =>
    [
      [`riastore put, get, ${PLACES[place]}`, `riastore-${place}`],
      [`${title}, ${PLACES[place]}`, peer],
    ].map(([name, who]) => [name, ...Object.keys(BIG_OPS).map((op) => cell(own, { peer: who, op }))]),
  )
  return own.length === 0 ? '' : table(['one large file', ...Object.values(BIG_OPS)], rows)
}

/** @param {Sample[]} samples @returns {string[]} */
export const bulkTables = (samples) => [
  ...Object.keys(PLACES).map((place) => placeTable(samples, place)),
  shareTable(samples),
  bigTable(samples),
]

/** Of a large file riastore checks what comes, so the others do as well. */
const FASTEST = { put: 'put', get: 'get-md5-after' }

/** How many times faster than git-annex each has to be. */
const FASTER = [
  ['get', 'file', 15],
  ['get', 'ssh', 10],
  ['get', 's3', 10],
  ['get', 'far', 10],
  ['get-archive', 'file', 10],
  ['get-archive', 'ssh', 10],
  ['get-archive', 's3', 10],
  ['get-archive', 'far', 10],
  ['put', 'file', 8],
  ['put', 'ssh', 8],
  ['put', 's3', 10],
]

/** Beside tools that know nothing of keys: at most so many times as long. */
const BESIDE = [
  ['cp-file', 'file', 3],
  ['rsync-ssh', 'ssh', 1],
  ['rclone-s3', 's3', 1],
]

/** @param {Sample[]} samples @returns {import('./budgets.mjs').Budget[]} */
export function bulkBudgets(samples) {
  const of = (/** @type {string} */ peer, /** @type {string} */ op) =>
    secondsOf(samples, { suite: 'bulk', peer, op })?.median
  const row = (
    /** @type {string} */ what,
    /** @type {string} */ budget,
    /** @type {number | undefined} */ ours,
    /** @type {number | undefined} */ other,
    /** @type {number} */ limit,
  ) => {
    if (ours === undefined || other === undefined) return { what, budget, measured: 'not measured', met: undefined }
    const measured = `${(other / ours).toFixed(1)} × (${number(other)} / ${number(ours)} s)`
    return { what, budget, measured, met: ours <= other * limit }
  }
  return [
    ...FASTER.map(([op, place, times]) =>
      row(
        `riastore ${BULK_OPS[op]}, ${PLACES[place]}`,
        `${times} × as fast as git-annex`,
        of(`riastore-${place}`, String(op)),
        of(`annex-${place}`, String(op)),
        1 / Number(times),
      ),
    ),
    row(
      'riastore to the archive, in S3',
      '25 × as fast as git annex copy',
      of('riastore-s3', 'put-archive'),
      of('annex-s3', 'put'),
      1 / 25,
    ),
    ...BESIDE.map(([other, place, limit]) =>
      row(
        `riastore get, ${PLACES[place]}`,
        `≤ ${limit} × ${BULK_TOOLS[String(other).split('-')[0]]}`,
        of(`riastore-${place}`, 'get'),
        of(String(other), 'get'),
        Number(limit),
      ),
    ),
    ...Object.entries(BESIDE_BIG).flatMap(([place, { peer, title }]) =>
      Object.entries(FASTEST).map(([op, theirs]) => {
        const big = (/** @type {string} */ who, /** @type {string} */ what) =>
          secondsOf(samples, { suite: 'bulk-big', peer: who, op: what })?.median
        const beside = `≤ 1.1 × ${title}${op === 'get' ? ', then md5sum' : ''}`
        return row(
          `riastore ${op} of a large file, ${PLACES[place]}`,
          beside,
          big(`riastore-${place}`, op),
          big(peer, theirs),
          1.1,
        )
      }),
    ),
  ]
}
