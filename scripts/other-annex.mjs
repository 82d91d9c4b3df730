import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackFrom } from './other-debian.mjs'

/** git-annex, and what `ldd` says that it needs there. */
const PACKAGES = [
  ...['git-annex', 'libbz2-1.0', 'libc6', 'libffi8', 'libgcc-s1', 'libgmp10', 'liblzma5', 'libmagic-mgc'],
  ...['libmagic1t64', 'libnuma1', 'libsqlite3-0', 'libyaml-0-2', 'libzstd1', 'zlib1g'],
]

/**
 * Unpacks the git-annex of another suite of Debian, once. Throws when a program fails.
 * @param {string} suite e.g. `sid`
 * @returns {Promise<string>} the directory with a `git-annex` that can be started
 */
export async function unpackAnnex(suite) {
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

/**
 * By the C library that it was made for. It starts itself again by the path that it is told.
 * @param {string} place
 */
function launcher(place) {
  const libraries = join(place, 'root/usr/lib/x86_64-linux-gnu')
  return `#!/bin/sh
GIT_ANNEX_PROGRAMPATH='${place}/bin/git-annex' MAGIC='${place}/root/usr/lib/file/magic.mgc' \\
  exec '${libraries}/ld-linux-x86-64.so.2' --argv0 git-annex --library-path '${libraries}' '${place}/root/usr/bin/git-annex' "$@"
`
}
