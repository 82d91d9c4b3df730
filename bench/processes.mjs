/**
 * What /proc tells about processes: descendants, memory, and whose environment carries a mark.
 * Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * A process may end while it is being looked at: then there is nothing to see. @param {string} path
 */
function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** @param {string} path @returns {string[]} */
function list(path) {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** @param {number} pid @returns {number[]} */
export function childrenOf(pid) {
  return list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((child) => child !== '')
      .map(Number),
  )
}

/** @param {number} pid @returns {number[]} the process and all below it, parents first */
export function treeOf(pid) {
  return [pid, ...childrenOf(pid).flatMap(treeOf)]
}

/** @param {number} pid the command line, its words joined by spaces */
export const commandOf = (pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

/** @param {number} pid @returns {{now: number, peak: number}} resident memory in bytes */
export function memoryOf(pid) {
  const status = read(`/proc/${pid}/status`)
  const field = (/** @type {string} */ name) => Number(status.match(`${name}:\\s+(\\d+) kB`)?.[1] ?? 0) * 1024
  return { now: field('VmRSS'), peak: field('VmHWM') }
}

/**
 * @param {string} mark `NAME=value`, or the beginning of it
 * @returns {number[]} processes started with it
 */
export function processesMarked(mark) {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${mark}`))
    .map(Number)
}

/** @param {number} pid */
export const isAlive = (pid) => !['', 'Z', 'X'].includes(read(`/proc/${pid}/stat`).match(/\) (\w)/)?.[1] ?? '')

/**
 * @param {number[]} pids exactly these, which the caller has shown to be its own
 * @param {NodeJS.Signals} signal
 */
export function kill(pids, signal) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended by itself.
    }
  }
}
