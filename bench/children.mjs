/** Programs run by the bench: bounded in time, measured, and with nothing left behind. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf, commandOf, isAlive, kill, memoryOf, processesMarked, treeOf } from './processes.mjs'

const MARK = 'RIASTORE_BENCH_MARK'
const REMOTE = /git-annex-remote-\w+/
let runs = 0

/**
 * @typedef {object} Run
 * @property {number} seconds wall clock of the whole process
 * @property {string} stdout
 * @property {number | undefined} remotePeak bytes: the largest peak of any one of our processes
 * (see `watch`)
 * @property {number | undefined} remoteTreePeak bytes: all of them and their children at one moment
 * @property {number} remotes how many of them there were
 * @property {number} leftovers processes that were still there afterwards (ended by the bench)
 */

export class RunError extends Error {}

/**
 * Not below those found: a remote that forks looks like two of itself for a moment.
 * @param {number} pid @returns {number[]}
 */
const remotesBelow = (pid) =>
  childrenOf(pid).flatMap((child) => (REMOTE.test(commandOf(child)) ? [child] : remotesBelow(child)))

/** Memory of processes, sampled while they run. @param {() => number[]} find their ids */
function watchMemory(find) {
  /** @type {Map<number, number>} the peak of each special remote process */
  const peaks = new Map()
  let treePeak = 0
  const sample = () => {
    let sum = 0
    for (const root of find()) {
      for (const member of treeOf(root)) sum += memoryOf(member).now
      peaks.set(root, Math.max(peaks.get(root) ?? 0, memoryOf(root).peak))
    }
    treePeak = Math.max(treePeak, sum)
  }
  return {
    sample,
    result: () => ({
      remotePeak: peaks.size > 0 ? Math.max(...peaks.values()) : undefined,
      remoteTreePeak: peaks.size > 0 ? treePeak : undefined,
      remotes: peaks.size,
    }),
  }
}

/**
 * Ends what still carries a mark, so that every run starts cold.
 * @param {string} mark
 * @param {number} grace ms: a remote may take a moment to end after git-annex has let go of it
 * @returns {Promise<number>} how many did not end by themselves
 */
async function reap(mark, grace) {
  for (let waited = 0; waited < grace && processesMarked(mark).length > 0; waited += 50) await sleep(50)
  const found = processesMarked(mark)
  kill(found, 'SIGTERM')
  for (let waited = 0; found.some(isAlive) && waited < 2000; waited += 20) await sleep(20)
  kill(found.filter(isAlive), 'SIGKILL')
  return found.length
}

/**
 * Ends every process that any run of this bench directory left, ssh masters too.
 * @param {string} directory
 */
export const reapAll = (directory) => reap(`${MARK}=${directory}#`, 0)

/**
 * @param {string[]} command program and arguments
 * @param {object} options
 * @param {string} options.directory the bench's own directory: tells our processes from all others
 * @param {string} options.cwd
 * @param {NodeJS.ProcessEnv} options.env
 * @param {number} options.limit seconds, then the run is killed and failed
 * @param {number} [options.sampleEvery] ms between looks at memory; none by default
 * @param {'remotes' | 'program'} [options.watch] whose memory: of the special remotes below the
 * program, or of itself
 * @param {boolean} [options.keepOutput]
 * @returns {Promise<Run>} rejects with a RunError when it fails or is too slow
 */
export async function run(command, { directory, cwd, env, limit, sampleEvery, watch, keepOutput = false }) {
  const mark = `${directory}#${runs++}.`
  const start = performance.now()
  const child = spawn(command[0], command.slice(1), {
    cwd,
    env: { ...env, [MARK]: mark },
    detached: true,
    stdio: ['ignore', keepOutput ? 'pipe' : 'ignore', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let expired = false
  child.stdout?.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr = (stderr + data).slice(-4096)
  })
  const { pid } = child
  const find = () => (watch === 'program' ? [pid] : remotesBelow(pid))
  const remotes = pid === undefined || sampleEvery === undefined ? undefined : watchMemory(find)
  const sampler = remotes && setInterval(remotes.sample, sampleEvery)
  const timer = setTimeout(() => {
    expired = true
    kill([-child.pid], 'SIGKILL')
  }, limit * 1000)
  // The clock stops at 'exit', not at 'close': a background process that keeps our pipe open must
  // not hold it.
  const closed = new Promise((resolve) => child.on('close', resolve))
  const outcome = await new Promise((resolve) => {
    child.on('error', (error) => resolve({ reason: error.message }))
    child.on('exit', (code, signal) => resolve({ reason: code === 0 ? undefined : `exit ${code ?? signal}` }))
  })
  const seconds = (performance.now() - start) / 1000
  clearTimeout(timer)
  clearInterval(sampler)
  const leftovers = await reap(`${MARK}=${mark}`, expired ? 0 : 1000)
  await Promise.race([closed, sleep(2000, undefined, { ref: false })])
  if (expired) throw new RunError(`${command.join(' ')}: no end within ${limit} s`)
  if (outcome.reason) throw new RunError(`${command.join(' ')}: ${outcome.reason}\n${stderr.trim()}`)
  const measured = remotes?.result() ?? { remotePeak: undefined, remoteTreePeak: undefined, remotes: 0 }
  return { seconds, stdout, leftovers, ...measured }
}
