/**
 * `node bench/extensions.mjs [FILES [ROUNDS]]`: whether what a newer git-annex offers to external
 * special remotes makes `git annex get` of small files faster: DELEGATE (to git-annex's own
 * directory remote) and TRANSFER-RETRIEVE-URL (to its client for http, from nginx), beside a remote
 * that only copies, and beside the directory remote itself. With the newest git-annex of Debian.
 * Prints a line for each: median seconds (min–max), and processor time of git-annex and the remote.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unpackAnnex } from '../scripts/other-annex.mjs'
import { median } from './stats.mjs'

const [files = 500, rounds = 3] = process.argv.slice(2).map(Number)
const PORT = 8421
const SERVER = `http://127.0.0.1:${PORT}`

const programs = await unpackAnnex('sid')
const root = mkdtempSync('/dev/shm/riastore-bench-')
const [repo, keys, own, bin] = ['repo', 'keys', 'own', 'bin'].map((name) => join(root, name))
for (const directory of [repo, keys, own, bin]) mkdirSync(directory)
symlinkSync(join(import.meta.dirname, 'extensions-remote.mjs'), join(bin, 'git-annex-remote-extensions'))
writeFileSync(join(root, '.gitconfig'), '[user]\n\tname = bench\n\temail = bench@localhost\n')
const env = { ...process.env, HOME: root, LC_ALL: 'C.UTF-8', PATH: `${bin}:${programs}:${process.env.PATH}`, SERVER }

/** @param {string} command @param {Record<string, string>} [more] @returns {string} */
const run = (command, more) =>
  execFileSync('sh', ['-ec', command], { cwd: repo, env: { ...env, ...more }, encoding: 'utf8' })

/** @param {string} remote @param {string} extension */
function get(remote, extension) {
  run('git annex drop --quiet --force .')
  const start = performance.now()
  const times = run(`git annex get --quiet --from ${remote} . 2>&1 | tail -3; times`, { EXTENSION: extension })
  const seconds = (performance.now() - start) / 1000
  if (run('git annex find --in here').trim().split('\n').length !== files) throw new Error(`${extension}: not all came`)
  const processor = [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, min, s]) => sum + Number(min) * 60 + Number(s),
    0,
  )
  return { seconds, processor }
}

writeFileSync(
  join(root, 'nginx.conf'),
  `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; pid ${root}/pid; error_log ${root}/log; events {} http { access_log off; server { listen 127.0.0.1:${PORT}; root ${keys}; } }`,
)
const nginx = spawn('/usr/sbin/nginx', ['-e', join(root, 'log'), '-c', join(root, 'nginx.conf')], { stdio: 'inherit' })
try {
  for (let at = 0; at < files; at++)
    writeFileSync(join(repo, `f${at}`), randomBytes(1024 + Math.floor(Math.random() * 9216)))
  run(`git init -q; git annex init -q; git config annex.security.allowed-ip-addresses 127.0.0.1; git annex add -q .
    git commit -qm add
    git annex initremote -q store type=external externaltype=extensions directory=${keys} encryption=none
    git annex initremote -q own type=directory directory=${own} encryption=none
    git annex copy -q --to store .; git annex copy -q --to own .`)
  await sleep(500)
  /** @type {[title: string, remote: string, extension: string][]} */
  const peers = [
    ['the remote copies', 'store', 'none'],
    ['DELEGATE to a directory remote', 'store', 'DELEGATE'],
    ['TRANSFER-RETRIEVE-URL', 'store', 'TRANSFER-RETRIEVE-URL'],
    ["git-annex's own directory remote", 'own', 'none'],
  ]
  const results = peers.map(() => /** @type {ReturnType<typeof get>[]} */ ([]))
  for (let round = 0; round < rounds; round++) {
    for (const [at, [, remote, extension]] of peers.entries()) results[at]?.push(get(remote, extension))
  }
  console.log(`${run('git annex version --raw').trim()}, ${files} files, ${rounds} rounds`)
  for (const [at, [title]] of peers.entries()) {
    const seconds = (results[at] ?? []).map((each) => each.seconds)
    const processor = median((results[at] ?? []).map((each) => each.processor))
    const range = `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`
    console.log(`${title}: ${median(seconds).toFixed(2)} s (${range}), ${processor.toFixed(2)} s of processor`)
  }
} finally {
  nginx.kill()
  run('chmod -R u+w .')
  rmSync(root, { recursive: true, force: true })
}
