import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { manifest, writeContents } from './contents.mjs'
import { run } from './run.mjs'

/**
 * Makes the package for npm, which installs without a network: what it depends on is inside.
 * Returns its name.
 */
export async function makeNpmTarball({ output, work }) {
  const directory = join(work, 'package')
  await writeContents(directory)
  const words = ['pack', directory, '--json', '--ignore-scripts', '--pack-destination', work]
  const [{ filename }] = JSON.parse(run('npm', words, { cwd: work }))
  const name = `riastore-${manifest.version}.tgz`
  await rename(join(work, filename), join(output, name))
  return name
}
