// Bundles src/bin/*.ts into dist/: one small file per program, its bundle, and a chunk for whatever
// is imported dynamically, so that a program loads ssh2 and the like only when it needs them. Run:
// node scripts/build.mjs [--if-stale] [bin directory] [output directory]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const project = dirname(dirname(fileURLToPath(import.meta.url)))
// Says how node is to read what is written, whatever the package above it says.
const PACKAGE = 'package.json'
/** The pages of the manual. */
const MANUAL = 'man'
/** What `riastore help MESSAGE` looks through. */
const TROUBLESHOOTING = 'troubleshooting.md'
/** What searches the pages of `riastore catalog` in a browser. */
const SEARCH = 'minisearch.js'
const LICENSES = 'THIRD-PARTY-LICENSES.txt'
/** Where the bundles are that the launchers load. */
const PROGRAMS = 'programs'
/** Tells of which sources dist/ was made; not part of the package. */
const SOURCES = '.sources'
/** Optional native add-ons of ssh2. It asks for them in a try, and does without. */
const NATIVE_ADDON = /^cpu-features$|\.node$/

/**
 * Builds the programs of `binDirectory` into `outDirectory`; returns the names of what it wrote.
 * Throws on any error. As `cjs` they start 6 ms sooner than as `es`, but cannot ask where they lie.
 */
export async function build(
  binDirectory = join(project, 'src/bin'),
  outDirectory = join(project, 'dist'),
  format = 'cjs',
) {
  const programs = (await readdir(binDirectory)).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  if (programs.length === 0) throw new Error(`no programs in ${binDirectory}`)
  const hasLaunchers = format === 'cjs'
  const sources = await sourcesOf()
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    cwd: project,
    input: Object.fromEntries(programs.map((name) => [basename(name, '.ts'), join(binDirectory, name)])),
    platform: 'node',
    external: await leftToNpm(),
    plugins: [leaveOutNativeAddons()],
    tsconfig: false,
    onLog(level, log, handle) {
      // A dependency that is not found would only fail when a user runs the program.
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
      if (level !== 'debug' && level !== 'info') handle(level, log)
    },
  })
  await mkdir(dirname(outDirectory), { recursive: true })
  // A build that is broken off leaves a dist/ that is of no known sources.
  await rm(join(outDirectory, SOURCES), { force: true })
  // Built aside and moved file by file, so that a program that starts meanwhile finds all of its
  // parts.
  const staging = await mkdtemp(`${outDirectory}.new-`)
  try {
    const { output } = await bundle.write({
      dir: staging,
      format,
      banner: (chunk) => (chunk.isEntry && !hasLaunchers ? '#!/usr/bin/env node' : ''),
      entryFileNames: hasLaunchers ? `${PROGRAMS}/[name].js` : '[name].js',
      chunkFileNames: 'chunks/[name]-[hash].js',
      sourcemap: false,
      comments: { legal: true, annotation: false, jsdoc: false },
      minify: false,
    })
    const chunks = output.filter((file) => file.type === 'chunk')
    const entries = chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName)
    const started = hasLaunchers ? await writeLaunchers(staging, entries) : entries
    for (const file of started) await chmod(join(staging, file), 0o755)
    await writeFile(join(staging, LICENSES), await thirdPartyLicenses(chunks.flatMap((chunk) => chunk.moduleIds)))
    await writeFile(join(staging, SOURCES), sources)
    await copyFile(join(project, 'docs', TROUBLESHOOTING), join(staging, TROUBLESHOOTING))
    await writeFile(join(staging, SEARCH), await searchLibrary())
    await writeFile(join(staging, PACKAGE), `{ "type": "${format === 'cjs' ? 'commonjs' : 'module'}" }\n`)
    const manual = entries.includes(`${PROGRAMS}/riastore.js`) ? await writeManual(staging) : []
    return await moveInto(outDirectory, staging, [
      PACKAGE,
      ...chunks.filter((chunk) => !chunk.isEntry).map((chunk) => chunk.fileName),
      ...entries,
      ...(hasLaunchers ? started : []),
      ...manual,
      LICENSES,
      TROUBLESHOOTING,
      SEARCH,
      SOURCES,
    ])
  } finally {
    await bundle.close()
    await rm(staging, { recursive: true, force: true })
  }
}

/** Returns MiniSearch as it is for browsers, under its licence: it is copied into catalogues. */
async function searchLibrary() {
  const directory = join(project, 'node_modules/minisearch')
  const { text } = await licenseOf(directory)
  return `/*\n${text}\n*/\n${await readFile(join(directory, 'dist/umd/index.js'), 'utf8')}`
}

/** Has the program write the pages of its manual, and returns the names of these files. */
async function writeManual(directory) {
  const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
  const changes = await readFile(join(project, 'CHANGELOG.md'), 'utf8')
  const released = changes.split('\n').find((line) => line.startsWith(`## ${version} - `)) ?? ''
  const [date = ''] = /\d{4}-\d\d-\d\d$/.exec(released) ?? []
  const program = join(directory, `${PROGRAMS}/riastore.js`)
  const args = [program, 'write-manual', join(directory, MANUAL), `--date=${date}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the manual cannot be written: ${stderr}`)
  return stdout
    .trim()
    .split('\n')
    .map((file) => `${MANUAL}/${file}`)
}

/** Writes what is started in the place of each bundle, and returns the names of these files. */
async function writeLaunchers(directory, entries) {
  const { engines } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
  const names = entries.map((file) => basename(file))
  for (const name of names) await writeFile(join(directory, name), launcher(`./${PROGRAMS}/${name}`, engines.node))
  return names
}

/**
 * Returns a program that loads `file`, if node is at least of the version that `engines` wants
 * (`>=20.19`). A node that is too old fails where it reads a bundle, in words that help nobody: so
 * it must not come to that, and this is written in the words of the oldest. Windows has other paths
 * and other locks than this is written for.
 */
export function launcher(file, engines) {
  const [, least, major, minor] = /^>=((\d+)\.(\d+))$/.exec(engines) ?? []
  if (least === undefined) throw new Error(`engines.node is ${engines}, and not of the form >=20.19`)
  return `#!/usr/bin/env node
'use strict'
if (process.platform === 'win32') {
  process.stderr.write('riastore does not run on Windows itself: use it in WSL, with the git-annex and DataLad there\\n')
  process.exit(1)
}
var version = process.versions.node.split('.')
if (+version[0] < ${major} || (+version[0] === ${major} && +version[1] < ${minor})) {
  process.stderr.write('riastore needs node ${least} or newer, and this is node ' + process.versions.node + ': ' + process.execPath + '\\n')
  process.exit(1)
}
require('${file}')
`
}

/** Builds dist/ unless it was made of the very sources that are here. Returns whether it did. */
export async function buildIfStale(binDirectory, outDirectory = join(project, 'dist')) {
  const built = await readFile(join(outDirectory, SOURCES), 'utf8').catch(() => undefined)
  if (built === (await sourcesOf())) return false
  await build(binDirectory, outDirectory)
  return true
}

/** Returns a checksum of all that decides what is built. */
async function sourcesOf() {
  const names = await readdir(join(project, 'src'), { recursive: true })
  const sources = names.filter((name) => name.endsWith('.ts')).map((name) => join('src', name))
  const hash = createHash('sha256')
  for (const name of [
    ...sources.sort(),
    'package.json',
    'package-lock.json',
    'scripts/build.mjs',
    'docs/troubleshooting.md',
  ]) {
    const content = await readFile(join(project, name))
    hash.update(`${name} ${content.length}\n`).update(content)
  }
  return `${hash.digest('hex')}\n`
}

/**
 * Moves the files from `staging` to `directory` and removes from there what an earlier build left.
 */
async function moveInto(directory, staging, files) {
  for (const file of files) {
    await mkdir(dirname(join(directory, file)), { recursive: true })
    await rename(join(staging, file), join(directory, file))
  }
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isDirectory() && !files.includes(path.slice(directory.length + 1))) await rm(path, { force: true })
  }
  return files
}

/** What the packed package depends on, for it holds programs or libraries of the machine. */
async function leftToNpm() {
  const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
  const names = Object.keys(dependencies)
  return (id) => names.some((name) => id === name || id.startsWith(`${name}/`))
}

function leaveOutNativeAddons() {
  return {
    name: 'leave-out-native-addons',
    resolveId: (source) => (NATIVE_ADDON.test(source) ? { id: `\0left-out:${source}.cjs` } : null),
    load: (id) =>
      id.startsWith('\0left-out:') ? `module.exports = null\nthrow new Error('not bundled: a native add-on')` : null,
  }
}

async function thirdPartyLicenses(moduleIds) {
  const packages = new Map()
  for (const id of moduleIds) {
    const directory = packageDirectory(id)
    if (directory !== undefined) packages.set(directory, await licenseOf(directory))
  }
  const texts = [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const rule = '-'.repeat(80)
  const head =
    texts.length > 0
      ? 'The programs in this directory contain these packages, under their licences:'
      : 'The programs in this directory contain no third-party packages.'
  return [head, ...texts.map((text) => `${rule}\n${text.name} ${text.version} (${text.license})\n\n${text.text}`)]
    .join('\n\n')
    .concat('\n')
}

/** Returns the directory of the npm package that a module belongs to, or undefined for our own. */
function packageDirectory(id) {
  return /^(?<directory>.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.groups?.directory
}

async function licenseOf(directory) {
  const { name, version, license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))
  const files = (await readdir(directory)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
  if (files.length === 0 && license === undefined) throw new Error(`${directory} has no licence`)
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  return { name, version, license: license ?? 'see below', text: texts.map((text) => text.trim()).join('\n\n') }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const words = process.argv.slice(2)
    const directories = words.filter((word) => word !== '--if-stale').map((directory) => resolve(directory))
    await (words.includes('--if-stale') ? buildIfStale : build)(...directories)
  } catch (error) {
    process.stderr.write(`build: ${error.message}\n`)
    process.exitCode = 1
  }
}
