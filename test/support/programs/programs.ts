import { constants, existsSync } from 'node:fs'
import { access, chmod, cp, link, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gitHelperOf, SCHEMES, type Scheme } from '../../../src/store/schemes.ts'
import { hasSharedServices, shared } from '../shared/services.ts'

/** Where package-lock.json is, also seen from a bundle of this file. */
export const projectDirectory = parentWith('package-lock.json', dirname(fileURLToPath(import.meta.url)))

function parentWith(file: string, directory: string): string {
  if (existsSync(join(directory, file))) return directory
  if (directory === dirname(directory)) throw new Error(`no ${file} in any parent directory`)
  return parentWith(file, dirname(directory))
}

/** The PATH of tests that may run no program but node: nothing is there. */
export const NODE_ONLY_PATH = '/only-node-may-be-run-here'

const SYSTEM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/sbin']

/**
 * The directories of Debian's programs come first: DataLad breaks when another python is in front.
 * Before them only programs that are tried in the place of theirs (scripts/test-annex.mjs).
 */
export const systemPath = [
  ...(process.env.RIASTORE_TEST_PROGRAMS?.split(delimiter) ?? []),
  ...SYSTEM_DIRECTORIES,
  ...(process.env.PATH ?? '').split(delimiter).filter((directory) => !SYSTEM_DIRECTORIES.includes(directory)),
].join(delimiter)

/**
 * Returns the absolute path of a system program. Throws when it is missing: `npm test` installs all
 * of them.
 */
export async function systemProgram(name: string): Promise<string> {
  if (process.env.PATH === NODE_ONLY_PATH) throw new Error(`a unit test wants ${name}: it belongs to test/programs/`)
  for (const directory of systemPath.split(delimiter)) {
    const file = join(directory, name)
    if (await isExecutable(file)) return file
  }
  throw new Error(`${name} is not installed: run node scripts/setup.mjs`)
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Writes an executable `name` into `directory` that runs `program` with some parameters in front of
 * its own.
 */
export async function writeWrapper(directory: string, name: string, command: readonly string[]): Promise<void> {
  const words = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  await writeFile(join(directory, name), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 })
}

/**
 * Copies a directory of files that nobody changes: by hard links, where both are in one file
 * system.
 */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyTree(source, target)
    else await link(source, target).catch(() => cp(source, target))
  }
}

/**
 * Puts our built programs into `directory`, under the names that git-annex asks for. They run from
 * a copy of dist/, so that a build in the middle of a test changes nothing; in a test run all
 * copies are links to one. Each start adds a line to `<directory>/starts.log`.
 */
export async function installOurPrograms(directory: string): Promise<void> {
  const dist = hasSharedServices() ? await shared('dist') : join(projectDirectory, 'dist')
  const main = 'git-annex-remote-ora.js'
  await mkdir(directory, { recursive: true })
  await access(join(dist, main)).catch(() => {
    throw new Error('the programs are not built: run node scripts/build.mjs')
  })
  await copyTree(dist, join(directory, 'package/dist'))
  await cp(join(projectDirectory, 'package.json'), join(directory, 'package/package.json'))
  await symlink(process.execPath, join(directory, 'node'))
  const log = join(directory, 'starts.log')
  await writeFile(log, '')
  await chmod(log, 0o666)
  for (const name of Object.keys(SCHEMES).flatMap((scheme) => gitHelperOf(scheme as Scheme) ?? [])) {
    await writeWrapper(directory, name, [process.execPath, join(directory, 'package/dist/git-remote-riastore.js')])
  }
  for (const name of ['git-annex-remote-ora', 'git-annex-remote-riastore']) {
    const program = join(directory, 'package/dist', main)
    const script = `#!/bin/sh\necho "$$ $0" >>'${log}'\nexec '${process.execPath}' '${program}' "$@"\n`
    await writeFile(join(directory, name), script, { mode: 0o755 })
  }
}
