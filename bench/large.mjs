/**
 * `node bench/large.mjs DIR [options]`: what looking at large stores takes, in time, in processor
 * time with that of the programs that are run, and in memory of the largest process. DIR lies on a
 * file system with some ten million free inodes. It asserts nothing, and prints a table. Beside it
 * stand rclone and restic, which have to be installed: restic looks at a backup of the same files.
 * That of files of which only the length is there would read a terabyte of nothing.
 *
 * It takes hours, so that stores and figures stay in DIR, and the next run goes on: remove DIR when
 * you are done. A figure that is to be measured again is taken out of DIR/figures.jsonl.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeManyDatasets, makeManyKeys } from './large-stores.mjs'
import { table } from './tables.mjs'

const USAGE = `node bench/large.mjs DIR [options]
  --datasets N   datasets in the store of many             (100000)
  --keys N       keys in the store of one dataset          (1000000)
  --only REGEX   only parts whose name matches, as 'datasets/check'
  --list         print the names of the parts and end`

const RIASTORE = [process.execPath, join(import.meta.dirname, '..', 'dist', 'riastore.js')]
const ours = (/** @type {string[]} */ ...words) => [...RIASTORE, ...words]

const RESTIC = { RESTIC_PASSWORD: 'of a bench' }

/** Of the datasets, by how their ids begin: git is started for each. */
const FSCK_PART = '0'

/** @param {string} store git's repositories in it */
const fsckEach = (store) =>
  `find ${store} -mindepth 2 -maxdepth 2 -path '${store}/${FSCK_PART}*' -exec git --git-dir={} fsck --full --no-progress \\;`

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string} what for people
 * @property {string[]} command
 */

/** @param {string} store @param {string} backup @returns {Part[]} */
const ofDatasets = (store, backup) => [
  { name: 'datasets/find', what: 'find', command: ['find', store] },
  { name: 'datasets/du', what: 'du', command: ['du', '-s', store] },
  { name: 'datasets/rclone', what: 'rclone size', command: ['rclone', 'size', store] },
  { name: 'datasets/ls', what: '`riastore ls`', command: ours('ls', store) },
  { name: 'datasets/show', what: '`riastore show --all`', command: ours('show', '--all', store) },
  { name: 'datasets/stat', what: '`riastore stat`', command: ours('stat', '--refresh', store) },
  { name: 'datasets/archive', what: '`riastore archive --all -n`', command: ours('archive', '--all', '-n', store) },
  { name: 'datasets/check', what: '`riastore check`', command: ours('check', store) },
  {
    name: 'datasets/fsck',
    what: `git fsck of a sixteenth: ids that begin with ${FSCK_PART}`,
    command: ['sh', '-c', fsckEach(store)],
  },
  { name: 'datasets/backup', what: 'restic backup', command: ['restic', '-q', '-r', backup, 'backup', store] },
  {
    name: 'datasets/restic',
    what: 'restic check of that',
    command: ['restic', '-q', '-r', backup, 'check', '--read-data'],
  },
]

/** @param {string} store @returns {Part[]} */
const ofKeys = (store) => [
  { name: 'keys/find', what: 'find', command: ['find', store] },
  { name: 'keys/du', what: 'du', command: ['du', '-s', store] },
  { name: 'keys/rclone', what: 'rclone size', command: ['rclone', 'size', store] },
  { name: 'keys/ls', what: '`riastore ls -l`', command: ours('ls', '-l', store) },
  { name: 'keys/stat', what: '`riastore stat`', command: ours('stat', '--refresh', store) },
  { name: 'keys/archive', what: '`riastore archive --all -n`', command: ours('archive', '--all', '-n', store) },
  { name: 'keys/check', what: '`riastore check`', command: ours('check', store) },
  {
    name: 'keys/data',
    what: '`riastore check --data` without reading',
    command: ours('check', '--data', '--subset', '1', store),
  },
]

/**
 * By GNU time, for what was waited for by the program itself counts, too.
 * @param {string} directory
 * @param {string[]} command
 */
function measure(directory, command) {
  const file = join(directory, `time-${process.pid}`)
  const begun = performance.now()
  const env = { ...process.env, XDG_CACHE_HOME: join(directory, 'cache'), ...RESTIC }
  const { status } = spawnSync('/usr/bin/time', ['-q', '-f', '%U %S %M', '-o', file, ...command], {
    stdio: 'ignore',
    env,
  })
  const seconds = (performance.now() - begun) / 1000
  const [user = 0, system = 0, kilobytes = 0] = readFileSync(file, 'utf8').trim().split(' ').map(Number)
  rmSync(file)
  return { seconds, processors: user + system, peak: kilobytes * 1024, status }
}

/**
 * A store that is half made is never taken for one.
 * @param {string} store
 * @param {() => void} make
 */
function madeOnce(store, make) {
  if (existsSync(store)) return
  process.stderr.write(`making ${store}\n`)
  rmSync(`${store}.making`, { recursive: true, force: true })
  make()
  renameSync(`${store}.making`, store)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    datasets: { type: 'string', default: '100000' },
    keys: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    list: { type: 'boolean' },
  },
})
const [parent] = positionals
if (parent === undefined) throw new Error(USAGE)
const directory = resolve(parent)
const [many, large] = [join(directory, `datasets-${values.datasets}`), join(directory, `keys-${values.keys}`)]
const backup = join(directory, `backup-${values.datasets}`)
const isWanted = (/** @type {Part} */ { name }) => new RegExp(values.only).test(name)
const groups = [
  { title: `${values.datasets} datasets`, store: many, parts: ofDatasets(many, backup).filter(isWanted) },
  { title: `${values.keys} keys in one dataset`, store: large, parts: ofKeys(large).filter(isWanted) },
]
if (values.list) {
  for (const { parts } of groups) for (const { name } of parts) console.log(name)
  process.exit(0)
}
mkdirSync(directory, { recursive: true })
const figures = join(directory, 'figures.jsonl')
const known = () =>
  existsSync(figures)
    ? readFileSync(figures, 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []
for (const { store, parts } of groups) {
  if (parts.length === 0) continue
  madeOnce(store, () =>
    store === many
      ? makeManyDatasets(`${store}.making`, Number(values.datasets))
      : makeManyKeys(`${store}.making`, Number(values.keys)),
  )
  for (const { name, command } of parts) {
    if (known().some((each) => each.store === store && each.name === name)) continue
    if (name === 'datasets/backup' && !existsSync(backup)) {
      execFileSync('restic', ['-q', '-r', backup, 'init'], { env: { ...process.env, ...RESTIC } })
    }
    const figure = { store, name, ...measure(directory, command) }
    appendFileSync(figures, `${JSON.stringify(figure)}\n`)
    process.stderr.write(`${JSON.stringify(figure)}\n`)
  }
}
for (const { title, store, parts } of groups) {
  const rows = parts.flatMap(({ name, what }) => {
    const figure = known().findLast((each) => each.store === store && each.name === name)
    if (figure === undefined) return []
    const { seconds, processors, peak, status } = figure
    const told = status === 0 ? what : `${what} (ended with ${status})`
    return [[told, seconds.toFixed(1), processors.toFixed(1), `${Math.round(peak / 1e6)} MB`]]
  })
  if (rows.length > 0) console.log(`\n${table([title, 'seconds', 'of processors', 'peak'], rows)}`)
}
