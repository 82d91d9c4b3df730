// Makes the packages of a release in dist-packages/, from what is built, and their checksums. The
// first run fetches node and the machine code for other platforms; after that no network is needed.
// Run: npm run package [-- KIND... --output DIRECTORY --level 0-9], where KIND is one of npm linux
// debian wheel sbom, and the level is how hard xz tries.
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { project } from './build.mjs'
import { makeBillOfMaterials } from './package/bill-of-materials.mjs'
import { makeDebianPackage } from './package/debian.mjs'
import { makeLinuxTarball } from './package/linux-tarball.mjs'
import { makeNpmTarball } from './package/npm-tarball.mjs'
import { makeWheel } from './package/wheel.mjs'

const MAKERS = {
  npm: makeNpmTarball,
  linux: makeLinuxTarball,
  debian: makeDebianPackage,
  wheel: makeWheel,
  sbom: makeBillOfMaterials,
}

const OUTPUT = join(project, 'dist-packages')

/** Makes packages of these kinds in `output`, and returns their names. */
async function makePackages(output, kinds, level) {
  const unknown = kinds.find((kind) => !Object.hasOwn(MAKERS, kind))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${Object.keys(MAKERS).join(', ')}`)
  await mkdir(output, { recursive: true })
  const made = []
  for (const kind of kinds) {
    const work = await mkdtemp(join(tmpdir(), 'riastore-package-'))
    try {
      made.push(await MAKERS[kind]({ output, work, level }))
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  await writeChecksums(output)
  return made
}

/** Writes SHA256SUMS for all that lies there: `sha256sum --check SHA256SUMS` compares. */
async function writeChecksums(output) {
  const names = (await readdir(output)).filter((name) => name.startsWith('riastore')).sort()
  const lines = []
  for (const name of names) {
    const digest = createHash('sha256').update(await readFile(join(output, name)))
    lines.push(`${digest.digest('hex')}  ${name}\n`)
  }
  await writeFile(join(output, 'SHA256SUMS'), lines.join(''))
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { output: { type: 'string', default: OUTPUT }, level: { type: 'string', default: '6' } },
  })
  const kinds = positionals.length > 0 ? positionals : Object.keys(MAKERS)
  const output = resolve(values.output)
  for (const name of await makePackages(output, kinds, values.level)) process.stdout.write(`${join(output, name)}\n`)
} catch (error) {
  process.stderr.write(`package: ${error.message}\n`)
  process.exitCode = 1
}
