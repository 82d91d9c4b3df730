// Runs the tests of get and put with the newest git-annex of Debian (sid), or of another of its
// suites, in the place of this system's: its package is unpacked beside us, with the libraries that
// it wants, and nothing is installed.
// Run: npm run test:annex [-- --suite trixie] [FILE...]
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { project } from './build.mjs'
import { must, unpackFrom } from './other-debian.mjs'

/** git-annex, and what `ldd` says that it needs there. */
const PACKAGES = [
  ...['git-annex', 'libbz2-1.0', 'libc6', 'libffi8', 'libgcc-s1', 'libgmp10', 'liblzma5', 'libmagic-mgc'],
  ...['libmagic1t64', 'libnuma1', 'libsqlite3-0', 'libyaml-0-2', 'libzstd1', 'zlib1g'],
]
const FILES = ['bulk-put', 'bulk-get', 'bulk-get-stores', 'bulk-killed'].map((name) => `test/e2e/${name}.test.ts`)

const { values, positionals: wanted } = parseArgs({
  options: { suite: { type: 'string', default: 'sid' } },
  allowPositionals: true,
})
const programs = await unpack(values.suite)
const env = { ...process.env, RIASTORE_TEST_PROGRAMS: programs }
must(join(programs, 'git-annex'), ['version'])
const vitest = join(project, 'node_modules/vitest/vitest.mjs')
const words = ['run', '--project', 'e2e', ...(wanted.length > 0 ? wanted : FILES)]
process.exitCode = spawnSync(process.execPath, [vitest, ...words], { cwd: project, env, stdio: 'inherit' }).status ?? 1

/** Returns the directory with a `git-annex` that can be started. */
async function unpack(suite) {
  const place = await unpackFrom({
    suite,
    packages: PACKAGES,
    name: `riastore-annex-${suite}`,
    async finish(aside, place) {
      await mkdir(join(aside, 'bin'))
      await writeFile(join(aside, 'bin/git-annex'), launcher(place), { mode: 0o755 })
    },
  })
  return join(place, 'bin')
}

/** By the C library that it was made for. It starts itself again by the path that it is told. */
function launcher(place) {
  const libraries = join(place, 'root/usr/lib/x86_64-linux-gnu')
  return `#!/bin/sh
GIT_ANNEX_PROGRAMPATH='${place}/bin/git-annex' MAGIC='${place}/root/usr/lib/file/magic.mgc' \\
  exec '${libraries}/ld-linux-x86-64.so.2' --argv0 git-annex --library-path '${libraries}' '${place}/root/usr/bin/git-annex' "$@"
`
}
