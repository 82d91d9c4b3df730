// Runs the tests of get and put with the git-annex of Debian 13 in the place of this system's: its
// package is unpacked beside us, with the libraries that it wants, and nothing is installed.
// Run: npm run test:annex [-- FILE...]
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from './build.mjs'

const SUITE = 'trixie'
const CACHE = join(project, 'node_modules/.cache', `riastore-annex-${SUITE}`)
/** git-annex, and what `ldd` says that it needs there. */
const PACKAGES = [
  ...['git-annex', 'libbz2-1.0', 'libc6', 'libffi8', 'libgcc-s1', 'libgmp10', 'liblzma5', 'libmagic-mgc'],
  ...['libmagic1t64', 'libnuma1', 'libsqlite3-0', 'libyaml-0-2', 'libzstd1', 'zlib1g'],
]
const FILES = ['bulk-put', 'bulk-get', 'bulk-get-stores', 'bulk-killed'].map((name) => `test/e2e/${name}.test.ts`)

const programs = await unpack()
const wanted = process.argv.slice(2)
const env = { ...process.env, RIASTORE_TEST_PROGRAMS: programs }
must(join(programs, 'git-annex'), ['version'])
const vitest = join(project, 'node_modules/vitest/vitest.mjs')
const words = ['run', '--project', 'e2e', ...(wanted.length > 0 ? wanted : FILES)]
process.exitCode = spawnSync(process.execPath, [vitest, ...words], { cwd: project, env, stdio: 'inherit' }).status ?? 1

/** Returns the directory with a `git-annex` that can be started. */
async function unpack() {
  const programs = join(CACHE, 'bin')
  if (existsSync(programs)) return programs
  await mkdir(join(CACHE, '..'), { recursive: true })
  const aside = await mkdtemp(`${CACHE}-`)
  try {
    const root = join(aside, 'root')
    for (const each of ['lists/partial', 'archives/partial', 'root', 'bin'])
      await mkdir(join(aside, each), { recursive: true })
    await writeFile(
      join(aside, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian ${SUITE} main\n`,
    )
    await writeFile(join(aside, 'status'), '')
    const settings = {
      'Dir::Etc::sourcelist': join(aside, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State': aside,
      'Dir::State::status': join(aside, 'status'),
      'Dir::Cache': aside,
      'APT::Sandbox::User': '',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    must('apt-get', [...options, 'update', '-q'])
    must('apt-get', [...options, 'download', '-q', ...PACKAGES], aside)
    for (const file of await readdir(aside)) {
      if (file.endsWith('.deb')) must('dpkg-deb', ['-x', join(aside, file), root])
    }
    await writeFile(join(aside, 'bin/git-annex'), launcher(), { mode: 0o755 })
    await rename(aside, CACHE)
    return programs
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** By the C library that it was made for. It starts itself again by the path that it is told. */
function launcher() {
  const libraries = join(CACHE, 'root/usr/lib/x86_64-linux-gnu')
  return `#!/bin/sh
GIT_ANNEX_PROGRAMPATH='${CACHE}/bin/git-annex' MAGIC='${CACHE}/root/usr/lib/file/magic.mgc' \\
  exec '${libraries}/ld-linux-x86-64.so.2' --argv0 git-annex --library-path '${libraries}' '${CACHE}/root/usr/bin/git-annex' "$@"
`
}

function must(program, words, cwd = project) {
  const { status, error } = spawnSync(program, words, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw error ?? new Error(`${program} ${words[0]} ended with ${status}`)
}
