import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { project } from '../build.mjs'
import { manifest, setModes, sourceTime } from './contents.mjs'
import { writeTree } from './linux-tarball.mjs'
import { run } from './run.mjs'

/** DataLad's own, which Debian's package `datalad` installs. */
const DIVERTED = '/usr/bin/git-annex-remote-ora'
const ASIDE = `${DIVERTED}.datalad`

/** What dpkg runs before it unpacks the package. */
export const PREINST = `#!/bin/sh
set -e
# DataLad's program of that name stays, as ${ASIDE}, and comes back when riastore goes.
dpkg-divert --package riastore --add --rename --divert ${ASIDE} ${DIVERTED}
`
/** What dpkg runs after the files are gone. */
export const POSTRM = `#!/bin/sh
set -e
if [ "$1" = remove ] || [ "$1" = abort-install ]; then
  dpkg-divert --package riastore --remove --rename --divert ${ASIDE} ${DIVERTED}
fi
`

/** Makes the package for Debian and its like. Returns its name. */
export async function makeDebianPackage({ output, work, level }) {
  // In Debian's order, 1.0~rc.1 comes before 1.0.
  const version = manifest.version.replace('-', '~')
  const root = join(work, 'debian')
  await writeTree(join(root, 'usr'), { zsh: 'zsh/vendor-completions/_riastore' })
  await writeDocumentation(join(root, 'usr/share/doc/riastore'))
  run('gzip', ['-9nr', join(root, 'usr/share/man')])
  await setModes(root)
  const control = join(root, 'DEBIAN')
  await mkdir(control)
  await writeFile(join(control, 'control'), controlFile(version, run('du', ['-sk', root]).split('\t')[0]))
  for (const [name, script] of [
    ['preinst', PREINST],
    ['postrm', POSTRM],
  ]) {
    await writeFile(join(control, name), script, { mode: 0o755 })
  }
  const name = `riastore_${version}_amd64.deb`
  const env = { ...process.env, SOURCE_DATE_EPOCH: sourceTime() }
  run('dpkg-deb', ['--root-owner-group', '-Zxz', `-z${level}`, '--build', root, join(output, name)], { env })
  return name
}

function controlFile(version, kibibytes) {
  return `Package: riastore
Version: ${version}
Architecture: amd64
Maintainer: The riastore developers <riastore@example.org>
Installed-Size: ${kibibytes}
Depends: git, git-annex, 7zip, openssh-client, libc6 (>= 2.28), libstdc++6, libgcc-s1
Enhances: datalad
Section: science
Priority: optional
Homepage: ${manifest.homepage}
Description: ${manifest.description.replace(/^A /, '')}
 riastore keeps DataLad datasets in a RIA store on a disk, behind SSH, SFTP or
 WebDAV, or in S3. It brings its own node.
`
}

/** What Debian wants there: the licences, and the changes. */
async function writeDocumentation(directory) {
  await mkdir(directory, { recursive: true })
  const licence = await readFile(join(project, 'LICENSE'), 'utf8')
  const others = '/usr/lib/riastore/dist/THIRD-PARTY-LICENSES.txt and /usr/lib/riastore/node-LICENSE'
  await writeFile(join(directory, 'copyright'), `${licence}\nThe licences of what is in it are in\n${others}.\n`)
  const changes = await readFile(join(project, 'CHANGELOG.md'))
  await writeFile(join(directory, 'changelog.gz'), gzipSync(changes, { level: 9 }))
}
