/** The page: every figure on it comes from the samples. */
import { budgets, connectionSetUp, grouped, membersOf, roundTripsPerKey } from './budgets.mjs'
import { bulkTables } from './bulk-report.mjs'
import { reasons } from './limits.mjs'
import { ARCHIVED_OPS, FIRST_OPS } from './suites-archive.mjs'
import { GIT_OPS } from './suites-git.mjs'
import { SMALL_OPS } from './suites-small.mjs'
import { cell, extrapolate, megabytes, number, peakOf, secondsOf, select, table } from './tables.mjs'

/** @typedef {import('./run.mjs').Sample} Sample */

const TITLES = {
  'floor-file': 'floor',
  'ours-file': 'riastore, file',
  'before-file': 'riastore before, file',
  'ora-file': 'ORA, file',
  'directory-file': 'git-annex directory',
  'rsync-file': 'git-annex rsync, file',
  'ours-ssh': 'riastore, ssh',
  'before-ssh': 'riastore before, ssh',
  'ora-ssh': 'ORA, ssh',
  'rsync-ssh': 'git-annex rsync, ssh',
  'ours-far': 'riastore, ssh far',
  'ora-far': 'ORA, ssh far',
  'ours-sftp': 'riastore, SFTP-only account',
  'ssh-cat': 'ssh cat',
  'sftp-client': 'OpenSSH sftp, SFTP-only account',
  'ours-s3': 'riastore, S3',
  'before-s3': 'riastore before, S3',
  'builtin-s3': "git-annex's own S3",
  'gitannex-s3': '`rclone gitannex` (of Debian sid)',
  'rclone-copy': '`rclone copy` (no git-annex)',
  'git-file': 'a directory',
  'git-ssh': 'ssh',
  'git-s3': 'riastore, S3',
  'ssh-true': '`ssh host true` (no git-annex)',
  '7z': '7z',
}

/** @param {Sample[]} samples @returns {string[]} in the order of the titles */
const peersOf = (samples) => Object.keys(TITLES).filter((peer) => samples.some((sample) => sample.peer === peer))

/**
 * @param {Sample[]} samples
 * @param {string} peer
 * @returns {string} of the largest process, and how many there were
 */
function memory(samples, peer) {
  const processes = Math.max(...select(samples, { peer }).map(({ remotes }) => remotes ?? 0))
  return `${megabytes(peakOf(samples, { peer }))}${processes > 1 ? `, ${processes} processes` : ''}`
}

/**
 * @param {Sample[]} samples
 * @param {string} suite
 * @param {number} jobs
 * @param {string} yardstick a peer
 */
function smallTable(samples, suite, jobs, yardstick) {
  const measured = select(samples, { suite, jobs })
  const items = Math.max(...measured.map((sample) => sample.items ?? 0))
  const own = extrapolate(measured, items)
  const title = (/** @type {string} */ peer) => {
    const part = select(own, { peer })[0].items
    return part === items ? TITLES[peer] : `${TITLES[peer]} (${part} files, ×${items / part})`
  }
  const rows = peersOf(own).map((peer) => [
    title(peer),
    ...Object.keys(SMALL_OPS).map((op) => cell(own, { peer, op }, secondsOf(own, { peer: yardstick, op })?.median)),
    memory(own, peer),
  ])
  return table([`-J${jobs}`, ...Object.values(SMALL_OPS), 'peak of a remote'], rows)
}

/** @param {Sample[]} samples @param {string} suite */
function bigTable(samples, suite) {
  const own = select(samples, { suite })
  const speed = (/** @type {string} */ peer, /** @type {string} */ op) => {
    const found = secondsOf(own, { peer, op })
    const bytes = select(own, { peer, op })[0]?.bytes
    const perSecond = found && bytes ? `, ${(bytes / found.median / 1e6).toFixed(0)} MB/s` : ''
    return `${cell(own, { peer, op })}${perSecond}`
  }
  const ops = {
    put: 'copy / put',
    'put-sync': 'put, then sync',
    get: 'get',
    'get-own-check': 'get, annex-verify=false',
    'get-md5-piped': 'get through tee and md5sum',
    'get-md5-after': 'get, then md5sum',
  }
  const used = Object.keys(ops).filter((op) => own.some((sample) => sample.op === op))
  const rows = peersOf(own).map((peer) => [
    TITLES[peer],
    ...used.map((op) => speed(peer, op)),
    megabytes(peakOf(own, { peer })),
  ])
  return table(['', ...used.map((op) => ops[op]), 'peak of the remote'], rows)
}

/** @param {Sample[]} samples */
function coldTable(samples) {
  const own = select(samples, { suite: 'cold' })
  const floor = secondsOf(own, { peer: 'floor-file' })?.median
  return table(
    ['', 'seconds'],
    peersOf(own).map((peer) => [TITLES[peer], cell(own, { peer }, floor)]),
  )
}

/** @param {Sample[]} samples @param {number} roundTrip ms */
function tripsTable(samples, roundTrip) {
  const ops = ['copy', 'fsck', 'drop', 'get', 'drop-from']
  const rows = Object.entries({ ours: 'riastore', ora: 'ORA' }).map(([program, title]) => [
    title,
    ...ops.map((op) => roundTripsPerKey(samples, program, op, roundTrip)?.toFixed(1) ?? ''),
  ])
  const measured = rows.filter((row) => row.slice(1).some((text) => text !== ''))
  return table(['round trips per key, -J1', ...ops.map((op) => SMALL_OPS[op])], measured)
}

/** In ms per key. @param {Sample[]} samples @param {number} members */
function archivedTable(samples, members) {
  const measured = select(samples, { suite: 'archived', members })
  const own = measured.map((sample) =>
    sample.seconds === undefined ? sample : { ...sample, seconds: (sample.seconds * 1000) / sample.items },
  )
  const items = Math.max(...own.map((sample) => sample.items ?? 0))
  const title = (/** @type {string} */ peer) => {
    const part = select(own, { peer })[0].items
    return part === items ? TITLES[peer] : `${TITLES[peer]} (${part} files)`
  }
  const rows = peersOf(own).map((peer) => [
    title(peer),
    ...Object.keys(ARCHIVED_OPS).map((op) =>
      cell(own, { peer, op }, secondsOf(own, { peer: 'floor-file', op })?.median),
    ),
    memory(own, peer),
  ])
  return table([`${grouped(members)} members, ms a key`, ...Object.values(ARCHIVED_OPS), 'peak of a remote'], rows)
}

/** @param {Sample[]} samples */
function firstTable(samples) {
  const own = select(samples, { suite: 'first' })
  const floorOf = (/** @type {string} */ op) =>
    secondsOf(own, { peer: 'floor-file', op: op.replace('cold', 'warm') })?.median
  const rows = peersOf(own).map((peer) => [
    TITLES[peer],
    ...Object.keys(FIRST_OPS).map((op) => cell(own, { peer, op }, floorOf(op))),
    memory(own, peer),
  ])
  return table(['seconds', ...Object.values(FIRST_OPS), 'peak of the remote'], rows)
}

/** @param {Sample[]} samples @param {string} suite @param {string} where */
function packTable(samples, suite, where) {
  const own = select(samples, { suite })
  const yardstick = secondsOf(own, { peer: '7z', op: 'pack' })?.median
  const row = (/** @type {string} */ title, /** @type {string} */ peer, /** @type {string} */ op) => [
    title,
    cell(own, { peer, op }, yardstick),
    megabytes(peakOf(own, { peer, op })),
  ]
  const rows = [
    row('`7z a -mx0`', '7z', 'pack'),
    row('`7z a -mx0`, then sync', '7z', 'pack-sync'),
    row('`7z a -mx0`, then `7z t`', '7z', 'pack-test'),
    row('`riastore archive`', 'ours-file', 'pack'),
  ]
  return table([where, 'seconds', 'peak'], own.length === 0 ? [] : rows)
}

/** @param {Sample[]} samples */
function packTitle(samples) {
  const { items = 0, bytes = 0 } = samples.find(({ suite }) => suite.endsWith('pack')) ?? {}
  return `Compaction of ${grouped(items)} keys, ${bytes < 1e9 ? megabytes(bytes) : `${bytes / 1e9} GB`}`
}

/** @param {Sample[]} samples */
function archiveSections(samples) {
  const members = membersOf(samples, 'archived')
  const [largest = 0] = membersOf(samples, 'first')
  return [
    ...section({
      title: 'Keys in an archive',
      text:
        'Small files whose keys lie in `archives/archive.7z`, packed with `7z a -mx0`; the floor has them as files of their own, also in ' +
        'the ssh rows. One job; ms of the whole git-annex process for each file, ×ratio to the floor. The index of riastore was ' +
        'made before: the next section has what that takes. A row with "(100 files)" was measured with fewer of them.',
      tables: members.map((count) => archivedTable(samples, count)),
    }),
    ...section({
      title: `One key of an archive of ${grouped(largest)}`,
      text:
        'A git-annex process that wants one key and ends. The end header is not packed, as `riastore archive` leaves it. "No index ' +
        'yet": the first process ever that looks into the archive.',
      tables: [firstTable(samples)],
    }),
    ...section({
      title: packTitle(samples),
      text:
        '`riastore archive` lists the keys, packs them, reads every one back and holds it against its checksum, syncs the archive, puts ' +
        'it in its place, removes the loose keys, and counts what there is now. 7z only packs. Peak: resident memory of `riastore` itself.',
      tables: [packTable(samples, 'pack', 'in memory'), packTable(samples, 'disk-pack', 'on a disk')],
    }),
  ]
}

/** @param {Sample[]} samples */
function requestsTable(samples) {
  const own = select(samples, { suite: 's3-requests' })
  const kinds = [...new Set(own.map(({ op }) => op))]
  const { items = 1 } = own[0] ?? {}
  const times = kinds.map((op) => {
    const found = secondsOf(own, { op })
    return found === undefined ? '' : ((found.median / items) * 1000).toFixed(2)
  })
  return table(["ms a request, the SDK's client alone", ...kinds], own.length === 0 ? [] : [['', ...times]])
}

/** @param {Sample[]} samples */
function gitTable(samples) {
  const own = select(samples, { suite: 'git' })
  const rows = peersOf(own).map((peer) => [
    TITLES[peer],
    ...Object.keys(GIT_OPS).map((op) => cell(own, { peer, op }, secondsOf(own, { peer: 'git-ssh', op })?.median)),
  ])
  return table(['seconds', ...Object.values(GIT_OPS)], rows)
}

/** @param {Sample[]} samples */
function setupTable(samples) {
  const own = select(samples, { suite: 'setup' })
  const row = (/** @type {string} */ title, /** @type {string} */ peer, /** @type {string} */ op) => [
    title,
    cell(own, { peer, op }, secondsOf(own, { peer: 'datalad', op: 'both' })?.median),
  ]
  const rows = [
    row('`datalad create-sibling-ria`, then `create-sibling-gitlab`', 'datalad', 'both'),
    row('`datalad run-procedure cfg_NAME`', 'ours', 'run-procedure'),
    row('`riastore procedure NAME`, which `datalad create -c NAME` starts', 'ours', 'procedure'),
  ]
  return table(['', 'seconds'], own.length === 0 ? [] : rows)
}

/** @param {Sample[]} samples @param {string} size of the large file */
function s3Sections(samples, size) {
  return [
    ...section({
      title: 'S3: small files',
      text:
        'A Ceph RGW on this machine, its disk in memory, over plain http. The ratio is to the S3 remote that git-annex brings, whose `get` does not have ' +
        "the cost of git-annex's check of an external remote's download.",
      tables: [...[1, 8].map((jobs) => smallTable(samples, 's3-small', jobs, 'builtin-s3')), requestsTable(samples)],
    }),
    ...section({ title: `S3: one file of ${size}`, tables: [bigTable(samples, 's3-big')] }),
    ...section({
      title: 'git on a store',
      text: 'A repository of 1,000 commits and 10,000 files. The ratio is to git over ssh.',
      tables: [gitTable(samples)],
    }),
  ]
}

/** @param {Sample[]} samples */
function troubles(samples) {
  const failures = samples
    .filter(({ failure }) => failure !== undefined)
    .map(({ suite, peer, op, jobs, members, round, failure }) => {
      const where = [suite, members, peer, jobs && `-J${jobs}`, op].filter(Boolean).join(' ')
      return `- ${where}, round ${round}: \`${failure.split('\n').slice(0, 3).join(' ⏎ ').replaceAll('`', "'")}\``
    })
  const leavers = peersOf(samples.filter(({ leftovers }) => leftovers > 0)).map((peer) => {
    const most = Math.max(...select(samples, { peer }).map(({ leftovers }) => leftovers ?? 0))
    return `- ${TITLES[peer]}: up to ${most} processes were still there after git-annex had ended.`
  })
  return [...failures, ...leavers].join('\n')
}

/** @param {Record<string, string>} facts */
const listOf = (facts) =>
  Object.entries(facts)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join('\n')

/**
 * @param {{title: string, text?: string, tables: string[]}} part
 * @returns {string[]} none when nothing was measured
 */
function section({ title, text, tables }) {
  const full = tables.filter((found) => found !== '')
  return full.length === 0 ? [] : [`## ${title}`, ...(text === undefined ? [] : [text]), ...full]
}

/** @param {Sample[]} samples @param {number} roundTrip ms */
function budgetsTable(samples, roundTrip) {
  const rows = budgets(samples, roundTrip).filter(({ met }) => met !== undefined)
  if (rows.length === 0) return []
  const setUp = connectionSetUp(samples)
  const note = setUp === undefined ? '' : `The set-up of one connection is counted as ${number(setUp)} s: our cold `
  const text = note && `${note}\`checkpresentkey\` over ssh less the same on a file store.`
  const body = rows.map(({ what, budget, measured, met }) => [what, budget, measured, met ? 'yes' : '**no**'])
  return [table(['', 'budget', 'measured', 'met'], body), text]
}

/**
 * @typedef {{started: string, ended: string, rounds: number, files: number,
 *   suites: string[]}} Run
 */

/** @param {Run} run */
function describeRun({ started, ended, rounds, files, suites }) {
  const minutes = Math.round((Date.parse(ended) - Date.parse(started)) / 60000)
  return `- ${started}, ${minutes} minutes, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${files} small files: ${suites.join(', ')}`
}

/**
 * @param {{runs: Run[], asked: {only?: string, files: number, big: number, delay: number},
 * roundTrip: number, machine: Record<string, string>, versions: Record<string, string>, samples:
 * Sample[]}} results
 * @returns {string} Markdown
 */
export function report({ runs, asked, roundTrip, machine, versions, samples }) {
  const size = asked.big >= 1024 ** 3 ? `${asked.big / 1024 ** 3} GiB` : `${asked.big / 1024 ** 2} MiB`
  const small = (/** @type {string} */ suite, /** @type {string} */ yardstick) =>
    [1, 8].map((jobs) => smallTable(samples, suite, jobs, yardstick))
  const trouble = troubles(samples)
  const parts = [
    '# Benchmarks',
    ...(asked.only === undefined && asked.big >= 1024 ** 3 && asked.files >= 1000
      ? []
      : ['**This was not a full run: the figures only show that the bench works.**']),
    `Written by \`npm run bench\` (bench/), never by hand; the raw figures are in bench/results.json. Small files have ` +
      `1–10 KiB, a large one has ${size}.`,
    runs.map(describeRun).join('\n'),
    'A figure is the median of the rounds in seconds, for a whole git-annex process, with (min–max) and ×ratio to the floor. The ' +
      'floor is a minimal external special remote (bench/floor-remote.mjs: a local copy and a rename, no fsync, nothing checked): ' +
      'an external special remote cannot be much faster under git-annex. All peers work on the same files, each in a fresh copy of ' +
      'the same repository and on an empty store, and take turns within a round. riastore calls fsync; a memory file system makes ' +
      'that free, so the rows about a disk are apart.',
    'To run it again: `npm run bench`, or `node bench/run.mjs --help` for a part of it.',
    '## Machine and versions',
    `${listOf(machine)}\n${listOf(versions)}\n- far host: a proxy that adds ${asked.delay} ms each way, round trip measured as ${roundTrip.toFixed(1)} ms`,
    ...section({ title: 'Budgets', tables: budgetsTable(samples, roundTrip) }),
    ...section({ title: 'What is not met, and why', tables: [reasons(budgets(samples, roundTrip))] }),
    ...section({
      title: 'Small files',
      text:
        'All times in seconds for all files; the floor is a file store in the ssh rows too. "annex-verify=false": git-annex ' +
        'checks nothing; riastore then checks every key itself, the floor does not. "Peak of a remote": resident memory of the ' +
        'largest special remote process. A row with "(100 files, ×10)" was measured with fewer files and multiplied.',
      tables: small('small', 'floor-file'),
    }),
    ...section({
      title: 'Small files, a far host',
      text: 'Over ssh through the proxy; the ratio is to ORA.',
      tables: [...small('far', 'ora-far'), tripsTable(samples, roundTrip)],
    }),
    ...section({
      title: `One file of ${size}`,
      text: 'What riastore and the others do includes git-annex itself and, in `get`, its check of the content.',
      tables: [bigTable(samples, 'big')],
    }),
    ...section({ title: 'Cold `git annex checkpresentkey`', tables: [coldTable(samples)] }),
    ...section({
      title: 'On a real disk',
      text: 'Here fsync costs what the disk takes for it. The floor, ORA and git-annex directory do not call it.',
      tables: [...small('disk-small', 'floor-file'), bigTable(samples, 'disk-big')],
    }),
    ...archiveSections(samples),
    ...s3Sections(samples, size),
    ...section({
      title: 'Setting a dataset up',
      text: 'A dataset that `datalad create` made gets its place in a store on a disk and a project in a GitLab on this machine.',
      tables: [setupTable(samples)],
    }),
    ...section({
      title: 'Many files at once',
      text:
        '`riastore put` and `get` beside git-annex and beside tools that copy the same objects and know nothing of keys. The ratio is to git-annex; ' +
        'a far host gets fewer files. git-annex reads archives as well; only riastore writes them.',
      tables: bulkTables(samples),
    }),
    ...section({ title: 'Failures and leftovers', tables: [trouble] }),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}
