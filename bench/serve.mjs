/**
 * `node bench/serve.mjs [SECONDS [loose|archived]]`: `riastore serve` beside nginx for loose keys,
 * with 1,000 clients at once, and beside a server that starts 7z for each request for archived
 * ones, with as many clients as suit each, and with 1,000. Server and clients have a processor
 * each. The last loose keys are more than the server keeps in memory.
 * Prints rows for docs/serve.md, each as soon as it is there. Wants wrk, nginx, 7z, taskset, and
 * 700 MB.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const SECONDS = Number(process.argv[2] ?? 10)
const WHAT = process.argv[3] ?? 'loose archived'
const CLIENTS = 1000
/** A server that starts a program for each request gets nothing done for more. */
const FEW_CLIENTS = [1, 4, 8, 64]
/** Length and count of the keys. */
const SIZES = [
  [4096, 1000],
  [65_536, 400],
  [1_048_576, 50],
]
/** More than is kept in memory, one after the other: each of them is read and checked each time. */
const COLD = [65_536, 2000]

/** Node compiles what runs often: before, it is no server that runs. s of its processor. */
const WARM_S = 3
const WARM_TRIES = 10
const LOOSE = '6d6/9ca68-7e85-11e6-904c-002590f97d84'
const PACKED = '6d6/9ca68-7e85-11e6-904c-002590f97d85'
const RIASTORE = join(import.meta.dirname, '..', 'dist', 'riastore.js')
const DIGITS = '0123456789zqjxkmvwgpfZQJXKMVWGPF'

/** Asks for the paths in $PATHS one after the other, and prints what it saw. */
const SCRIPT = `
local paths = {}
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
local i = 0
request = function() i = i % #paths + 1; return wrk.format("GET", paths[i]) end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"bytes":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d}\\n', summary.requests,
    summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`

/** The way that is usual where keys of archives are served: 7z is started for each. */
const BY_7Z = `
const { createServer } = require('node:http')
const { spawn } = require('node:child_process')
createServer((request, response) => {
  const [, archive, member] = /^(.*)\\/annex\\/objects\\/(.*)$/.exec(request.url) ?? []
  if (archive === undefined) return response.end()
  const child = spawn('7z', ['e', '-so', process.argv[2] + archive + '/archives/archive.7z', member])
  child.stdout.pipe(response)
}).listen(Number(process.argv[1]), '127.0.0.1')
`

const work = mkdtempSync(join(tmpdir(), 'riastore-bench-serve-'))
const store = join(work, 'store')
try {
  makeStore()
  writeFileSync(join(work, 'requests.lua'), SCRIPT)
  writeFileSync(join(work, 'nginx.conf'), nginxConf(18_090))
  print(
    'server',
    'key',
    'clients',
    'requests in a second',
    'of processor',
    'MB/s',
    'p50',
    'p99',
    'errors',
    'processor',
    'memory',
  )
  print(...Array.from({ length: 11 }, () => '---'))
  if (WHAT.includes('loose')) {
    for (const [size] of SIZES) await compareLoose('loose', size)
    await compareLoose('more', COLD[0])
  }
  for (const [size] of WHAT.includes('archived') ? SIZES.slice(0, 2) : []) {
    const paths = join(work, `packed-${size}`)
    for (const clients of [...FEW_CLIENTS, CLIENTS]) {
      await measure('7z for each request', size, paths, 18_092, ['node', '-e', BY_7Z, '18092', store], clients)
      await measure('`riastore serve`, archived', size, paths, 18_091, serving(18_091), clients)
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** @param {string} kind @param {number} size */
async function compareLoose(kind, size) {
  const paths = join(work, `${kind}-${size}`)
  await measure(`nginx, ${kind}`, size, paths, 18_090, ['nginx', '-c', join(work, 'nginx.conf')])
  await measure(`\`riastore serve\`, ${kind}`, size, paths, 18_091, serving(18_091))
}

/** @param {readonly (string | number)[]} cells */
function print(...cells) {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

/** @param {number} port */
function serving(port) {
  return ['node', RIASTORE, 'serve', '--quiet', '--listen', `127.0.0.1:${port}`, store]
}

/** @param {number} port */
function nginxConf(port) {
  return `daemon off; master_process off; pid ${work}/nginx.pid; error_log ${work}/nginx.err;
events { worker_connections 4096; }
http { access_log off; sendfile on; default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${store}; } }\n`
}

/**
 * Prints a row of the table.
 * @param {string} name
 * @param {number} size
 * @param {string} paths
 * @param {number} port
 * @param {string[]} command
 */
async function measure(name, size, paths, port, command, clients = CLIENTS) {
  const child = spawn('taskset', ['-c', '0', ...command], { stdio: 'ignore' })
  try {
    await answers(port)
    for (let tries = 0; tries < WARM_TRIES && processorSeconds(child.pid ?? 0) < WARM_S; tries++)
      ask(paths, port, 2, clients)
    const before = processorSeconds(child.pid ?? 0)
    const { requests, bytes, us, p50, p99, errors } = ask(paths, port, SECONDS, clients)
    const busy = processorSeconds(child.pid ?? 0) - before
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    const memory = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1024
    const s = us / 1e6
    print(
      ...[name, `${size / 1024} KiB`, clients, (requests / s).toFixed(0), (requests / busy).toFixed(0)],
      ...[(bytes / 1e6 / s).toFixed(0), `${(p50 / 1000).toFixed(0)} ms`, `${(p99 / 1000).toFixed(0)} ms`, errors],
      ...[`${((busy / s) * 100).toFixed(0)} %`, `${memory.toFixed(0)} MiB`],
    )
  } finally {
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
  }
}

/**
 * @param {string} paths
 * @param {number} port
 * @param {number} seconds
 * @param {number} clients
 */
function ask(paths, port, seconds, clients) {
  const options = ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '30s', '-s', join(work, 'requests.lua')]
  const command = ['-c', '1', 'wrk', ...options, `http://127.0.0.1:${port}`]
  const env = { ...process.env, PATHS: paths }
  const output = execFileSync('taskset', command, { env, encoding: 'utf8' })
  return JSON.parse(/^\{.*\}$/m.exec(output)?.[0] ?? '')
}

/** @param {number} port */
async function answers(port) {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/ria-layout-version`).then(
      () => true,
      () => false,
    )
    if (isUp) return
    await sleep(100)
  }
  throw new Error(`nothing answers on port ${port}`)
}

/** Of a process and of what it has waited for. @param {number} pid */
function processorSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

function makeStore() {
  mkdirSync(join(store, '6d6'), { recursive: true })
  writeFileSync(join(store, 'ria-layout-version'), '1\n')
  for (const directory of [LOOSE, PACKED]) {
    execFileSync('git', ['init', '-q', '--bare', join(store, directory)])
    writeFileSync(join(store, directory, 'ria-layout-version'), '2\n')
  }
  const staged = join(work, 'staged')
  for (const [size = 0, count = 0] of SIZES) {
    const lists = { loose: '', packed: '' }
    for (let i = 0; i < count; i++) {
      const { content, place } = randomKey(size)
      for (const directory of [join(store, LOOSE, 'annex/objects'), staged]) putFile(join(directory, place), content)
      lists.loose += `/${LOOSE}/annex/objects/${place}\n`
      lists.packed += `/${PACKED}/annex/objects/${place}\n`
    }
    writeFileSync(join(work, `loose-${size}`), lists.loose)
    writeFileSync(join(work, `packed-${size}`), lists.packed)
  }
  const [size = 0, count = 0] = COLD
  let more = ''
  for (let i = 0; i < count; i++) {
    const { content, place } = randomKey(size)
    putFile(join(store, LOOSE, 'annex/objects', place), content)
    more += `/${LOOSE}/annex/objects/${place}\n`
  }
  writeFileSync(join(work, `more-${size}`), more)
  mkdirSync(join(store, PACKED, 'archives'))
  execFileSync('7z', ['a', '-mx0', join(store, PACKED, 'archives/archive.7z'), '.'], { cwd: staged, stdio: 'ignore' })
}

/** @param {number} size */
function randomKey(size) {
  const content = randomBytes(size)
  const key = `MD5E-s${size}--${createHash('md5').update(content).digest('hex')}.dat`
  return { content, place: `${mixed(key)}/${key}/${key}` }
}

/** @param {string} file @param {Buffer} content */
function putFile(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** @param {string} key */
function mixed(key) {
  const word = createHash('md5').update(key).digest().readUInt32LE(0)
  const [a, b, c, d] = [1, 0, 3, 2].map((n) => DIGITS.charAt((word >>> (6 * n)) & 31))
  return `${a}${b}/${c}${d}`
}
