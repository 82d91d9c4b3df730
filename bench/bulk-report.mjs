/**
 * What was measured of many files at once: the table, and the budgets of issue "whole datasets".
 */
import { BULK_OPS, BULK_TOOLS } from './suites-bulk.mjs'
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

/** @param {Sample[]} samples @returns {string[]} */
export const bulkTables = (samples) => Object.keys(PLACES).map((place) => placeTable(samples, place))

/** How many times faster than git-annex each has to be. */
const FASTER = [
  ['get', 'file', 15],
  ['get', 'ssh', 10],
  ['get', 's3', 10],
  ['get', 'far', 10],
  ['get-archive', 'file', 10],
  ['get-archive', 'ssh', 10],
  ['get-archive', 's3', 10],
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
  ]
}
