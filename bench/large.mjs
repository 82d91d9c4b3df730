/**
 * `node bench/large.mjs DIR [datasets] [keys]`: what looking at large stores takes, in time, in
 * processor time with that of the programs that are run, and in memory of the largest process. DIR
 * lies on a file system with some ten million free inodes. It asserts nothing, and prints a table.
 * Beside it stand rclone and restic, which have to be installed: restic looks at a backup of the
 * same files. That of files of which only the length is there would read a terabyte of nothing.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeManyDatasets, makeManyKeys } from './large-stores.mjs'
import { table } from './tables.mjs'

const RIASTORE = [process.execPath, join(import.meta.dirname, '..', 'dist', 'riastore.js')]

/** A part of the datasets: git is started for each. */
const PART = '2/100'

const RESTIC = { RESTIC_PASSWORD: 'of a bench' }

/**
 * By GNU time, for what was waited for by the program itself counts, too.
 * @param {string} work a directory
 * @param {string} what
 * @param {string[]} command
 */
function measure(work, what, command) {
  const file = join(work, 'time')
  const begun = performance.now()
  const env = { ...process.env, XDG_CACHE_HOME: join(work, 'cache'), ...RESTIC }
  execFileSync('/usr/bin/time', ['-f', '%U %S %M', '-o', file, ...command], { stdio: 'ignore', env })
  const seconds = (performance.now() - begun) / 1000
  const [user = 0, system = 0, kilobytes = 0] = readFileSync(file, 'utf8').trim().split(' ').map(Number)
  const row = [what, seconds.toFixed(1), (user + system).toFixed(1), `${Math.round((kilobytes * 1024) / 1e6)} MB`]
  process.stderr.write(`${row.join('  ')}\n`)
  return row
}

/** @param {string} store @param {string} find of git's repositories */
const fsckEach = (store, find) =>
  `find ${store} -mindepth 2 -maxdepth 2 -path '${find}' -exec git --git-dir={} fsck --full --no-progress \\;`

const [parent, datasets = '100000', keys = '1000000'] = process.argv.slice(2)
if (parent === undefined) throw new Error('node bench/large.mjs DIR [datasets] [keys]')
mkdirSync(parent, { recursive: true })
const work = mkdtempSync(join(parent, 'large-'))
try {
  const [many, large] = [join(work, 'datasets'), join(work, 'keys')]
  makeManyDatasets(many, Number(datasets))
  makeManyKeys(large, Number(keys))
  const backup = join(work, 'backup')
  execFileSync('restic', ['-q', '-r', backup, 'init'], { env: { ...process.env, ...RESTIC } })
  const ours = (/** @type {string[]} */ ...words) => [...RIASTORE, ...words]
  const rows = [
    measure(work, `${datasets} datasets: find`, ['find', many]),
    measure(work, 'du', ['du', '-s', many]),
    measure(work, '`riastore ls`', ours('ls', many)),
    measure(work, '`riastore stat`', ours('stat', '--refresh', many)),
    measure(work, '`riastore archive --all -n`', ours('archive', '--all', '-n', many)),
    measure(work, `\`riastore check --shard ${PART}\``, ours('check', '--shard', PART, many)),
    measure(work, 'git fsck of the datasets of which the id begins with 00', [
      ...['sh', '-c', fsckEach(many, `${many}/00*`)],
    ]),
    measure(work, 'rclone size', ['rclone', 'size', many]),
    measure(work, 'restic backup', ['restic', '-q', '-r', backup, 'backup', many]),
    measure(work, 'restic check of that', ['restic', '-q', '-r', backup, 'check', '--read-data']),
    measure(work, `${keys} keys: find`, ['find', large]),
    measure(work, 'du', ['du', '-s', large]),
    measure(work, 'rclone size', ['rclone', 'size', large]),
    measure(work, '`riastore ls -l`', ours('ls', '-l', large)),
    measure(work, '`riastore stat`', ours('stat', '--refresh', large)),
    measure(work, '`riastore check`', ours('check', large)),
    measure(work, '`riastore check --data` without reading', ours('check', '--data', '--subset', '1', large)),
  ]
  console.log(table(['', 'seconds', 'of processors', 'peak'], rows))
} finally {
  rmSync(work, { recursive: true })
}
