/**
 * `node bench/mount.mjs [ROUNDS]`: `riastore mount` beside `rclone mount` of the same store over
 * `riastore serve`, and beside `datalad get` and then `cp`: 1,000 small files, one of 1 GiB, and
 * the first MiB of one of 10 GiB. Nothing is in a cache before. Prints rows for docs/mount.md: of
 * seconds, and of seconds of processor time of all that was at work, user and system.
 * Wants datalad, git-annex, rclone, fuse3, and the built programs.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ROUNDS = Number(process.argv[2] ?? 3)
const PORT = 18_095
const MIB = 1024 * 1024
const RIASTORE = join(import.meta.dirname, '..', 'dist', 'riastore.js')

const work = mkdtempSync(join(tmpdir(), 'riastore-bench-mount-'))
const [home, programs, store, folder] = ['home', 'bin', 'store', 'folder'].map((name) => join(work, name))
const env = { ...process.env, HOME: home, PATH: `${programs}:${process.env.PATH}` }
/** @type {Record<string, number[]>} */
const seconds = {}
/** @type {Record<string, number[]>} */
const processors = {}
/** Of what /proc tells times in. Per second. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
try {
  makeStore()
  for (let round = 0; round < ROUNDS; round++) {
    await byMount('riastore mount', () =>
      mounted(['mount', '--cache', join(work, `cache-${round}`), store, '~d', folder]),
    )
    await byMount('rclone mount', () => rcloned(round))
    byGet(round)
    timed('riastore cat --range, first MiB of 10 GiB', () =>
      run('sh', ['-c', `node ${RIASTORE} cat --range 0-1048575 ${store} '~d' huge.bin > /dev/null`]),
    )
    rmSync(join(work, `cache-${round}`), { recursive: true, force: true })
  }
  for (const [name, all] of Object.entries(seconds)) {
    process.stdout.write(`| ${name} | ${middleOf(all, 3)} | ${middleOf(processors[name], 2)} |\n`)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** @param {string} program @param {string[]} args @param {string} cwd */
function run(program, args, cwd = work) {
  return execFileSync(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
}

/** @param {string} name @param {() => void} what */
function timed(name, what) {
  const [start, used] = [performance.now(), processorTime()]
  what()
  seconds[name] ??= []
  seconds[name].push((performance.now() - start) / 1000)
  processors[name] ??= []
  processors[name].push(processorTime() - used)
}

/** Of what we have started: what ended is counted in us, what goes on has our HOME. Seconds. */
function processorTime() {
  let ticks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`HOME=${home}`)
      if (!isOurs && pid !== String(process.pid)) continue
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')
      for (const field of isOurs ? [11, 12, 13, 14] : [13, 14]) ticks += Number(fields[field])
    } catch {} // it has ended
  }
  return ticks / TICKS
}

/** @param {readonly number[]} all @param {number} digits */
function middleOf(all, digits) {
  const sorted = all.toSorted((a, b) => a - b)
  const places = [0, Math.floor(sorted.length / 2), sorted.length - 1]
  const [least, middle, most] = places.map((i) => sorted[i].toFixed(digits))
  return `${middle} (${least}–${most})`
}

function makeStore() {
  for (const directory of [home, programs, folder]) mkdirSync(directory)
  for (const name of ['riastore', 'git-annex-remote-ora']) {
    symlinkSync(join(import.meta.dirname, '..', 'dist', `${name}.js`), join(programs, name))
  }
  writeFileSync(join(home, '.gitconfig'), '[user]\n\tname = A\n\temail = a@example.org\n')
  run('datalad', ['create', 'd'])
  const dataset = join(work, 'd')
  mkdirSync(join(dataset, 'small'))
  for (let i = 0; i < 1000; i++) writeFileSync(join(dataset, 'small', `${i}.dat`), randomBytes(4096))
  const large = openSync(join(dataset, 'large.bin'), 'w')
  for (let i = 0; i < 64; i++) writeFileSync(large, randomBytes(16 * MIB))
  closeSync(large)
  const huge = openSync(join(dataset, 'huge.bin'), 'w')
  ftruncateSync(huge, 10 * 1024 * MIB)
  closeSync(huge)
  run('git', ['annex', 'add', '.'], dataset)
  run('git', ['commit', '-q', '-m', 'all'], dataset)
  run('datalad', ['create-sibling-ria', '-s', 's', '--new-store-ok', '--alias', 'd', `ria+file://${store}`], dataset)
  run('git', ['annex', 'copy', '-q', '--to', 's-storage', 'small', 'large.bin'], dataset)
  const key = run('git', ['annex', 'lookupkey', 'huge.bin'], dataset).trim()
  const place = run('git', ['annex', 'examinekey', '--format', '$' + '{hashdirmixed}', key], dataset).trim()
  const id = run('git', ['config', '-f', '.datalad/config', 'datalad.dataset.id'], dataset).trim()
  const directory = join(store, id.slice(0, 3), id.slice(3), 'annex/objects', place, key)
  mkdirSync(directory, { recursive: true })
  const copy = openSync(join(directory, key), 'w')
  ftruncateSync(copy, 10 * 1024 * MIB)
  closeSync(copy)
  run('git', ['push', '-q', 's', 'HEAD', 'git-annex'], dataset)
}

/** @param {string} name @param {() => Promise<() => Promise<void>>} mount */
async function byMount(name, mount) {
  const unmount = await mount()
  try {
    timed(`${name}, 1,000 files of 4 KiB`, () => run('cp', ['-r', join(folder, 'small'), join(work, 'copy')]))
    rmSync(join(work, 'copy'), { recursive: true })
    timed(`${name}, a file of 1 GiB`, () => run('cp', [join(folder, 'large.bin'), join(work, 'copy')]))
    rmSync(join(work, 'copy'))
    timed(`${name}, first MiB of 10 GiB`, () =>
      run('dd', [`if=${join(folder, 'huge.bin')}`, 'of=/dev/null', 'bs=1M', 'count=1']),
    )
  } finally {
    await unmount()
  }
}

/** @param {string[]} args */
async function mounted(args) {
  run('node', [RIASTORE, args[0], '--daemon', ...args.slice(1)])
  return async () => {
    run('fusermount3', ['-u', folder])
    await sleep(500)
  }
}

/** @param {number} round */
async function rcloned(round) {
  const served = spawn('node', [RIASTORE, 'serve', '--quiet', '--listen', `127.0.0.1:${PORT}`, store], {
    env,
    stdio: 'ignore',
  })
  await sleep(2000)
  const url = `http://127.0.0.1:${PORT}/d/~d/HEAD/huge.bin`
  timed('curl -r of riastore serve, first MiB of 10 GiB', () =>
    run('curl', ['-sf', '-r', '0-1048575', '-o', '/dev/null', url]),
  )
  const cache = join(work, `rclone-${round}`)
  run('rclone', [
    ...['mount', '--daemon', '--read-only', '--vfs-cache-mode', 'full', '--cache-dir', cache, '--config', '/dev/null'],
    ...['--webdav-url', `http://127.0.0.1:${PORT}/d/~d/`, '--webdav-vendor', 'other', ':webdav:HEAD', folder],
  ])
  return async () => {
    run('fusermount3', ['-u', folder])
    served.kill('SIGTERM')
    await sleep(500)
    rmSync(cache, { recursive: true, force: true })
  }
}

/** @param {number} round */
function byGet(round) {
  const clone = join(work, `clone-${round}`)
  run('datalad', ['clone', `ria+file://${store}#~d`, clone])
  timed('datalad get, then cp, 1,000 files of 4 KiB', () => {
    run('datalad', ['get', 'small'], clone)
    run('cp', ['-rL', join(clone, 'small'), join(work, 'copy')])
  })
  rmSync(join(work, 'copy'), { recursive: true })
  timed('datalad get, then cp, a file of 1 GiB', () => {
    run('datalad', ['get', 'large.bin'], clone)
    run('cp', ['-L', join(clone, 'large.bin'), join(work, 'copy')])
  })
  rmSync(join(work, 'copy'))
  run('chmod', ['-R', 'u+w', clone])
  rmSync(clone, { recursive: true, force: true })
}
