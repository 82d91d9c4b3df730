/**
 * From samples to cells and tables in Markdown, padded so that they can be read in a terminal too.
 */
import { summary } from './stats.mjs'

/** @typedef {import('./run.mjs').Sample} Sample */

/**
 * @param {Sample[]} samples
 * @param {Partial<Sample>} labels
 * @returns {Sample[]} those that have all the labels
 */
export const select = (samples, labels) =>
  samples.filter((sample) => Object.entries(labels).every(([name, value]) => sample[name] === value))

/**
 * @param {Sample[]} samples
 * @param {Partial<Sample>} labels
 * @returns seconds, or undefined if nothing was measured
 */
export const secondsOf = (samples, labels) =>
  summary(select(samples, labels).flatMap(({ seconds }) => (seconds === undefined ? [] : [seconds])))

/** @param {Sample[]} samples @param {Partial<Sample>} labels @returns {number | undefined} bytes */
export function peakOf(samples, labels) {
  const peaks = select(samples, labels).flatMap(({ remotePeak }) => (remotePeak === undefined ? [] : [remotePeak]))
  return peaks.length === 0 ? undefined : Math.max(...peaks)
}

/**
 * For a peer that was measured with a part of the files: what all of them would take.
 * @param {Sample[]} samples @param {number} items @returns {Sample[]}
 */
export const extrapolate = (samples, items) =>
  samples.map((sample) =>
    sample.seconds === undefined ? sample : { ...sample, seconds: (sample.seconds * items) / sample.items },
  )

/** @param {number} seconds */
export const number = (seconds) => seconds.toFixed(seconds < 1 ? 3 : seconds < 100 ? 2 : 0)

/** @param {number | undefined} bytes */
export const megabytes = (bytes) => (bytes === undefined ? '' : `${(bytes / 1e6).toFixed(0)} MB`)

/**
 * @param {Sample[]} samples
 * @param {Partial<Sample>} labels
 * @param {number} [yardstick] seconds, for the ratio
 * @returns {string} `median (min–max) ×ratio`
 */
export function cell(samples, labels, yardstick) {
  const found = secondsOf(samples, labels)
  if (found === undefined) {
    const { op, ...others } = labels
    const failed = select(samples, others).some((sample) => [op, 'check'].includes(sample.op) && sample.failure)
    return failed ? 'failed' : ''
  }
  const spread = found.count > 1 ? ` (${number(found.min)}–${number(found.max)})` : ''
  const ratio = yardstick === undefined ? '' : ` ×${(found.median / yardstick).toFixed(2)}`
  return `${number(found.median)}${spread}${ratio}`
}

/** @param {string[]} head @param {string[][]} rows @returns {string} nothing for no rows */
export function table(head, rows) {
  if (rows.length === 0) return ''
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column].length)))
  const line = (/** @type {string[]} */ row) => `| ${row.map((text, i) => text.padEnd(widths[i])).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}
