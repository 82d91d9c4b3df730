import { join } from 'node:path'
import { copy, manifest, sameTar, setModes, writeCompletions, writeContents, writeManual } from './contents.mjs'
import { fetchNode } from './fetched.mjs'
import { withItsNode, writeLaunchers } from './launchers.mjs'
import { run } from './run.mjs'

const LIBRARY = 'lib/riastore'
const PLATFORM = 'linux-x64'

/**
 * Writes the programs, and node for them, below a directory like `/usr`. `zsh`: where zsh looks for
 * completions below `share`.
 */
export async function writeTree(directory, { zsh } = {}) {
  const library = join(directory, LIBRARY)
  await writeContents(library, [`${PLATFORM}-gnu`])
  const node = await fetchNode()
  await copy(join(node, 'bin/node'), join(library, 'node'))
  await copy(join(node, 'LICENSE'), join(library, 'node-LICENSE'))
  await writeManual(library, join(directory, 'share'))
  await writeCompletions(library, join(directory, 'share'), zsh)
  await writeLaunchers(join(directory, 'bin'), withItsNode(`../${LIBRARY}`))
  await setModes(directory)
}

/** Makes what is unpacked anywhere, by anybody, and runs. Returns its name. */
export async function makeLinuxTarball({ output, work, level }) {
  const directory = `riastore-${manifest.version}-${PLATFORM}`
  await writeTree(join(work, directory))
  const name = `${directory}.tar.xz`
  const env = { ...process.env, XZ_OPT: `-${level} -T0` }
  run('tar', ['-cJf', join(output, name), '-C', work, ...sameTar(), directory], { env })
  return name
}
