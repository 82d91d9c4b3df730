// What every package holds: the files that npm would pack, and the one library with machine code.
import { chmod, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buildIfStale, project } from '../build.mjs'
import { fetchLocked } from './fetched.mjs'
import { run } from './run.mjs'

/** package.json, where the version is said: nowhere else. */
export const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))

/** Each program's name, and the file in the package that node runs for it. */
export const PROGRAMS = Object.entries(manifest.bin)

const LIBRARY = '@napi-rs/lzma'
/** For whom packages that are for more than one platform bring the library's machine code. */
const PLATFORMS = ['linux-x64-gnu', 'linux-x64-musl', 'linux-arm64-gnu', 'darwin-arm64', 'darwin-x64']

/**
 * Writes what a package holds into `directory`. `platforms`: those of the library's machine code.
 * On others LZMA is unpacked by 7-Zip. Directories and programs get mode 0755, files 0644.
 */
export async function writeContents(directory, platforms = PLATFORMS) {
  await buildIfStale()
  const [{ files }] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: project }))
  for (const { path } of files) await copy(join(project, path), join(directory, path))
  const library = join(directory, 'node_modules', LIBRARY)
  await copy(join(project, 'node_modules', LIBRARY), library)
  for (const platform of platforms) {
    await copy(await fetchLocked(`${LIBRARY}-${platform}`), `${library}-${platform}`)
  }
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(packedManifest(), undefined, 2)}\n`)
  await setModes(directory)
}

/** Copies the manual out of contents that were written, to `share`, where `man` looks for it. */
export async function writeManual(contents, share) {
  await copy(join(contents, 'dist/man'), join(share, 'man/man1'))
}

/** Where each shell looks for completions below the `share` of a directory like `/usr`. */
const COMPLETIONS = {
  bash: 'bash-completion/completions/riastore',
  zsh: 'zsh/site-functions/_riastore',
  fish: 'fish/vendor_completions.d/riastore.fish',
}

/** Writes completions to `share`. `zsh`: where zsh looks, if elsewhere. */
export async function writeCompletions(contents, share, zsh = COMPLETIONS.zsh) {
  for (const [shell, file] of Object.entries({ ...COMPLETIONS, zsh })) {
    const script = run(process.execPath, [join(contents, 'dist/riastore.js'), 'completion', shell])
    await mkdir(dirname(join(share, file)), { recursive: true })
    await writeFile(join(share, file), script)
  }
}

/** Of package.json, what somebody who installs the package needs. */
function packedManifest() {
  const { scripts, devDependencies, overrides, ...kept } = manifest
  return { ...kept, bundleDependencies: [LIBRARY] }
}

/** Copies a file or a tree, and makes the directories above it. */
export async function copy(from, to) {
  await mkdir(dirname(to), { recursive: true })
  await cp(from, to, { recursive: true, dereference: true })
}

/** Sets modes that do not come from the umask of whoever makes the package. */
export async function setModes(directory) {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const isProgram = entry.isDirectory() || ((await stat(path)).mode & 0o100) !== 0
    await chmod(path, isProgram ? 0o755 : 0o644)
  }
  await chmod(directory, 0o755)
}

/** The time of all files in a package: of the commit, so that it can be made again. Seconds. */
export function sourceTime() {
  return process.env.SOURCE_DATE_EPOCH ?? run('git', ['log', '-1', '--format=%ct'], { cwd: project }).trim()
}

/** Words that make tar write the same bytes for the same files. */
export function sameTar() {
  return ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${sourceTime()}`]
}
