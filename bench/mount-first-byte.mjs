/**
 * `node bench/mount-first-byte.mjs [FILES]`: how long the first byte of files of 10 GiB takes in a
 * folder that `riastore mount` made of a store over HTTP, beside a range of one byte, and of the
 * MiB that the folder asks for, from the same server by a connection that is open. Nothing is in a
 * cache before, and each file is opened once. The server is 10 ms away in each direction. Wants
 * git-annex, fuse3, and the built programs.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FILES = Number(process.argv[2] ?? 40)
const PORT = 18_096
/** Each way. ms. */
const DELAY_MS = 10
const SIZE = 10 * 1024 ** 3
const ID = '11111111-2222-3333-4444-555555555555'
const RIASTORE = join(import.meta.dirname, '..', 'dist', 'riastore.js')

const work = mkdtempSync(join(tmpdir(), 'riastore-bench-first-'))
const [home, store, source, folder] = ['home', 'store', 'source', 'folder'].map((name) => join(work, name))
const dataset = join(store, ID.slice(0, 3), ID.slice(3))
const env = { ...process.env, HOME: home }
const places = makeStore()
const served = spawn('node', [RIASTORE, 'serve', '--quiet', '--listen', `127.0.0.1:${PORT}`, store], {
  env,
  stdio: ['ignore', 'ignore', 'inherit'],
})
const proxy = spawn('node', [join(import.meta.dirname, 'latency-proxy.mjs'), String(PORT), String(DELAY_MS)], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const far = Number(String((await once(proxy.stdout, 'data'))[0]))
try {
  const agent = new http.Agent({ keepAlive: true })
  await answered(agent)
  run(
    work,
    'node',
    RIASTORE,
    'mount',
    '--daemon',
    '--cache',
    join(work, 'cache'),
    `ria+http://127.0.0.1:${far}/`,
    ID,
    folder,
  )
  /** @type {Record<string, number[]>} */
  const times = { 'a range of 1 byte': [], 'a range of 1 MiB': [], 'the first byte in the folder': [] }
  for (const [i, place] of places.entries()) {
    await timed(times['a range of 1 byte'], () => range(agent, place, 0))
    await timed(times['a range of 1 MiB'], () => range(agent, place, 1024 * 1024 - 1))
    await timed(times['the first byte in the folder'], async () => {
      const file = await open(join(folder, `${i}.bin`))
      await file.read(Buffer.alloc(1), 0, 1, 0)
      await file.close()
    })
  }
  for (const [name, all] of Object.entries(times)) {
    const sorted = all.toSorted((a, b) => a - b)
    const [least, middle, most] = [0, Math.floor(FILES / 2), FILES - 1].map((at) => sorted[at].toFixed(1))
    process.stdout.write(`| ${name} | ${middle} ms (${least}–${most}) |\n`)
  }
  agent.destroy()
} finally {
  try {
    run(work, 'fusermount3', '-u', folder)
  } catch {}
  proxy.stdin.end()
  served.kill('SIGTERM')
  rmSync(work, { recursive: true, force: true })
}

/** @param {string} cwd @param {string} program @param {string[]} args */
function run(cwd, program, ...args) {
  return execFileSync(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
}

/** Files whose keys say that they have 10 GiB, as holes. Resolves with their paths in the store. */
function makeStore() {
  for (const directory of [home, source, folder]) mkdirSync(directory)
  mkdirSync(join(dataset, 'annex', 'objects'), { recursive: true })
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = A\n\temail = a@example.org\n[init]\n\tdefaultBranch = main\n',
  )
  writeFileSync(join(store, 'ria-layout-version'), '1\n')
  run(work, 'git', 'init', '-q', '--bare', dataset)
  writeFileSync(join(dataset, 'ria-layout-version'), '2\n')
  run(source, 'git', 'init', '-q')
  run(source, 'git', 'annex', 'init', '-q', 'source')
  const places = Array.from({ length: FILES }, (_, i) => {
    const key = `SHA256E-s${SIZE}--${randomBytes(32).toString('hex')}.bin`
    run(source, 'git', 'annex', 'fromkey', '-q', '--force', key, `${i}.bin`)
    const hash = run(source, 'git', 'annex', 'examinekey', '--format', '$' + '{hashdirmixed}', key).trim()
    const directory = join('annex/objects', hash, key)
    mkdirSync(join(dataset, directory), { recursive: true })
    const file = openSync(join(dataset, directory, key), 'w')
    ftruncateSync(file, SIZE)
    closeSync(file)
    return `/${ID.slice(0, 3)}/${ID.slice(3)}/${join(directory, key)}`
  })
  run(source, 'git', 'commit', '-q', '-m', 'all')
  run(source, 'git', 'push', '-q', dataset, 'HEAD', 'git-annex')
  return places
}

/** @param {number[]} times @param {() => Promise<void>} what */
async function timed(times, what) {
  const start = performance.now()
  await what()
  times.push(performance.now() - start)
}

/** @param {http.Agent} agent @param {string} path @param {number} last */
function range(agent, path, last) {
  return new Promise((resolve, reject) => {
    const request = http.get({ port: far, host: '127.0.0.1', path, agent, headers: { range: `bytes=0-${last}` } })
    request.on('error', reject)
    request.on('response', (response) => {
      if (response.statusCode !== 206) reject(new Error(`${path}: ${response.statusCode}`))
      response.on('end', () => resolve(undefined)).resume()
    })
  })
}

/** Until the server answers. @param {http.Agent} agent */
async function answered(agent) {
  for (let tries = 0; ; tries++) {
    try {
      await range(agent, places[0], 0)
      return
    } catch (error) {
      if (tries > 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
