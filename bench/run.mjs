/**
 * `node bench/run.mjs`: our remote beside stock ORA, git-annex's own remotes and the floor, in one
 * run on the same data. It asserts no timing. `--help` tells the options.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RunError } from './children.mjs'
import { describeMachine } from './machine.mjs'
import { isFullRun, readOptions, USAGE } from './options.mjs'
import { report } from './report.mjs'
import { openRepositories } from './repositories.mjs'
import { archiveBlocks } from './suites-archive.mjs'
import { bigBlocks } from './suites-big.mjs'
import { bulkBlocks } from './suites-bulk.mjs'
import { bulkBigBlocks } from './suites-bulk-big.mjs'
import { gitBlocks } from './suites-git.mjs'
import { s3Blocks } from './suites-s3.mjs'
import { setupBlocks } from './suites-setup.mjs'
import { smallBlocks } from './suites-small.mjs'
import { startBlocks } from './suites-start.mjs'
import { measureRoundTrip, OURS, openWorkspace } from './workspace.mjs'

/**
 * @typedef {object} Sample
 * @property {string} suite
 * @property {string} peer
 * @property {string} op
 * @property {number} round
 * @property {number} [jobs]
 * @property {number} [items] files
 * @property {number} [members] of the archive
 * @property {number} [bytes]
 * @property {number} [seconds] absent when it failed
 * @property {string} [failure]
 * @property {number} [remotePeak] bytes
 * @property {number} [remoteTreePeak] bytes
 * @property {number} [remotes] processes
 * @property {number} [leftovers] processes
 */

/**
 * @typedef {object} Block work of one peer that is done together in a round
 * @property {string} name
 * @property {Omit<Sample, 'round' | 'op'>} labels
 * @property {import('./peers.mjs').Peer} [peer]
 * @property {(round: number) => Promise<unknown>} run
 */

/**
 * @typedef {object} Bench
 * @property {ReturnType<typeof readOptions>} options
 * @property {import('./workspace.mjs').Workspace} workspace
 * @property {ReturnType<typeof openRepositories>} repositories
 * @property {(labels: Sample, command: string[], cwd: string, more?: More) => Promise<void>}
 * measure
 * @property {(sample: Sample & {seconds: number}) => void} record
 *
 * @typedef {Pick<Parameters<typeof import('./children.mjs').run>[1], 'sampleEvery' | 'watch' |
 * 'keepOutput'> & {variables?: NodeJS.ProcessEnv}} More how to look at memory, and what is in the
 * environment besides
 */

const RAW = join(import.meta.dirname, 'results.json')
const PAGE = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')

const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`)

/**
 * What was not looked at, or is nought, takes no room in the raw results. @template {object} T
 * @param {T} fields
 */
const known = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value))

/**
 * @param {import('./workspace.mjs').Workspace} workspace
 * @param {Sample[]} samples
 * @returns {Pick<Bench, 'measure' | 'record'>}
 */
function recorder(workspace, samples) {
  const record = (/** @type {Sample & {seconds: number}} */ sample) => {
    samples.push({ ...sample, seconds: Math.round(sample.seconds * 1e4) / 1e4 })
    say(`    ${sample.op.padEnd(16)} ${sample.seconds.toFixed(3).padStart(8)} s`)
  }
  const measure = async (labels, command, cwd, more = {}) => {
    try {
      const { stdout, ...measured } = await workspace.run(command, cwd, more)
      record({ ...labels, ...known(measured), seconds: measured.seconds })
    } catch (error) {
      samples.push({ ...labels, failure: error.message })
      throw error
    }
  }
  return { measure, record }
}

/**
 * In every round another peer of a suite begins, so that none always has the first or the last
 * place.
 * @param {Block[]} blocks
 * @param {number} by
 */
function rotate(blocks, by) {
  const suites = new Set(blocks.map(({ labels }) => labels.suite))
  return [...suites].flatMap((name) => {
    const suite = blocks.filter(({ labels }) => labels.suite === name)
    const first = by % suite.length
    return [...suite.slice(first), ...suite.slice(0, first)]
  })
}

/**
 * @param {Pick<Bench, 'options' | 'workspace'>} bench
 * @param {Block[]} blocks
 * @param {Sample[]} samples where failures go
 */
async function runRounds({ options, workspace }, blocks, samples) {
  /** @type {Map<string, number>} */
  const took = new Map()
  for (let round = 1; round <= options.rounds; round++) {
    for (const block of rotate(blocks, round - 1)) {
      if ((took.get(block.name) ?? 0) > options.patience) continue
      say(`round ${round}/${options.rounds}  ${block.name}`)
      const start = performance.now()
      const before = samples.length
      try {
        await block.run(round)
      } catch (error) {
        if (workspace.closed.aborted) return
        say(`    FAILED: ${error.message}`)
        if (!(error instanceof RunError) || !samples.slice(before).some((sample) => sample.failure)) {
          samples.push({ ...block.labels, op: 'check', round, failure: error.message })
        }
      }
      took.set(block.name, (performance.now() - start) / 1000)
    }
  }
}

/** @param {Sample[]} samples */
const suitesOf = (samples) => [...new Set(samples.map(({ suite }) => suite))]

/**
 * What is compared with each other, so it is measured in one run: a suite, and of `bulk`, which
 * takes the longest, all tools by one way to a store.
 * @param {Sample} sample
 */
const comparisonOf = ({ suite, peer }) => (suite === 'bulk' ? `${suite} ${peer.split('-').at(-1)}` : suite)

/**
 * What was measured now takes the place of the same comparisons of an earlier run.
 * @param {any} before
 * @param {any} now
 */
function merged(before, now) {
  const measured = new Set(now.samples.map(comparisonOf))
  const kept = before.samples.filter((/** @type {Sample} */ sample) => !measured.has(comparisonOf(sample)))
  const stays = new Set(suitesOf(kept))
  const { rounds, files } = before.asked
  const first = { started: before.started, ended: before.ended, rounds, files }
  const runs = (before.runs ?? [{ ...first, suites: suitesOf(before.samples) }])
    .map((/** @type {any} */ run) => ({ ...run, suites: run.suites.filter((name) => stays.has(name)) }))
    .filter((/** @type {any} */ { suites }) => suites.length > 0)
  const only = { ...now.asked, only: undefined, rounds: Math.min(before.asked.rounds, now.asked.rounds) }
  return { ...now, asked: only, runs: [...runs, ...now.runs], samples: [...kept, ...now.samples] }
}

/** @param {ReturnType<typeof readOptions>} options */
async function main(options) {
  const workspace = await openWorkspace(options)
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    say(`${signal}: cleaning up`)
    workspace.close().finally(() => process.exit(1))
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.once(signal, stop)
  /** @type {Sample[]} */
  const samples = []
  try {
    const bench = {
      options,
      workspace,
      repositories: openRepositories(workspace, options),
      ...recorder(workspace, samples),
    }
    const near = [startBlocks, smallBlocks, bigBlocks, archiveBlocks, s3Blocks, gitBlocks, setupBlocks]
    const all = [...near, bulkBlocks, bulkBigBlocks].flatMap((blocks) => blocks(bench))
    const wanted = all.filter(({ name }) => options.only === undefined || new RegExp(options.only).test(name))
    if (options.list) return console.log(wanted.map(({ name }) => name).join('\n'))
    const missing = !existsSync(OURS)
    if (missing) say(`${OURS} is missing (npm run build): riastore is left out`)
    const blocks = wanted.filter(({ peer }) => !(missing && peer?.program === 'ours'))
    const started = new Date().toISOString()
    const machine = describeMachine(options)
    const roundTrip = await measureRoundTrip(options.delay)
    await runRounds(bench, blocks, samples)
    if (workspace.closed.aborted) return
    const { list, report: _, help, write, update, ...asked } = options
    const ended = new Date().toISOString()
    const runs = [{ started, ended, rounds: options.rounds, files: options.files, suites: suitesOf(samples) }]
    const own = { started, ended, asked, roundTrip, ...machine, runs, samples }
    const results = update ? merged(JSON.parse(readFileSync(RAW, 'utf8')), own) : own
    console.log(report(results))
    if (write || update || (isFullRun(options) && !missing)) {
      writeFileSync(RAW, `${JSON.stringify(results, undefined, 2)}\n`)
      writeFileSync(PAGE, report(results))
      say(`written: ${PAGE} and ${RAW}`)
    } else say('not a full run: docs/benchmarks.md and bench/results.json are left as they are (--write writes them)')
  } finally {
    await workspace.close()
  }
}

const options = readOptions(process.argv.slice(2), process.env)
if (options.help) console.log(USAGE)
else if (options.report) writeFileSync(PAGE, report(JSON.parse(readFileSync(RAW, 'utf8'))))
else await main(options)
