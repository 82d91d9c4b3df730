// Makes a fresh clone ready: npm dependencies, system programs, the build. Needs nothing but node
// and npm, and is quick when there is nothing to do. With --node-only it stops after the npm
// dependencies, which is enough for `npm run check`. Where it may not install by itself it prints
// the line to run and ends with status 1.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = dirname(dirname(fileURLToPath(import.meta.url)))
const MINIMUM_NODE = [20, 19]

/**
 * What must be there, and the Debian package that brings it; of several the first that apt knows.
 */
const SYSTEM_PROGRAMS = [
  { program: 'git', packages: ['git'] },
  { program: 'git-annex', packages: ['git-annex'] },
  { program: 'datalad', packages: ['datalad'] },
  { program: '7z', packages: ['p7zip-full', '7zip'] },
  { program: '7zz', packages: ['7zip'] },
  { program: 'sshd', packages: ['openssh-server'] },
  { program: 'ssh', packages: ['openssh-client'] },
  { program: 'squid', packages: ['squid'] },
  { program: 'rsync', packages: ['rsync'] },
  { program: 'gpg', packages: ['gnupg'] },
  // A real S3 server for the tests.
  { program: 'ceph-mon', packages: ['ceph-mon'] },
  { program: 'ceph-osd', packages: ['ceph-osd'] },
  { program: 'radosgw', packages: ['radosgw'] },
  { program: 'ceph-authtool', packages: ['ceph-common'] },
  { program: 'rclone', packages: ['rclone'] },
  { program: 'mount.davfs', packages: ['davfs2'] },
  { program: 'litmus', packages: ['litmus'] },
  // A real WebDAV server, without the service that Debian's `apache2` starts.
  { program: 'apache2', packages: ['apache2-bin'] },
  { program: 'fusermount3', packages: ['fuse3'] },
  { program: 'samtools', packages: ['samtools'] },
  // A real cluster.
  { program: 'slurmctld', packages: ['slurmctld'] },
  { program: 'slurmd', packages: ['slurmd'] },
  { program: 'sbatch', packages: ['slurm-client'] },
  { program: 'munged', packages: ['munge'] },
  { program: 'shellcheck', packages: ['shellcheck'] },
  // It reads parts of files over HTTP.
  { program: 'samtools', packages: ['samtools'] },
  // For the pages of `riastore serve`, and a web server in front of it.
  { program: 'chromium', packages: ['chromium'] },
  { program: 'nginx', packages: ['nginx-light', 'nginx'] },
  // For completion and the pages of the manual.
  { program: 'zsh', packages: ['zsh'] },
  { program: 'fish', packages: ['fish'] },
  { program: 'mandoc', packages: ['mandoc'] },
  { program: 'man', packages: ['man-db'] },
]
/** Daemons lie in directories that are not on everybody's PATH. */
const DAEMON_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/sbin']

try {
  checkNode()
  installNpmDependencies()
  if (!process.argv.includes('--node-only')) await makeReadyForAll()
} catch (error) {
  process.stderr.write(`setup: ${error.message}\n`)
  process.exitCode = 1
}

async function makeReadyForAll() {
  installSystemPrograms()
  const { buildIfStale } = await import('./build.mjs')
  await buildIfStale()
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [needMajor, needMinor] = MINIMUM_NODE
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    throw new Error(`node ${process.versions.node} is too old: ${MINIMUM_NODE.join('.')} or newer is needed`)
  }
}

/** Runs `npm ci` unless node_modules was made from this very package-lock.json. */
function installNpmDependencies() {
  const lock = readFileSync(join(project, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).digest('hex')
  const stamp = join(project, 'node_modules/.riastore-setup')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  if (!isInstalled(JSON.parse(lock.toString('utf8')))) {
    say('installing the npm dependencies (npm ci)')
    const options = ['--include=dev', '--no-audit', '--no-fund']
    // npm 11 refuses a lock file made where the registry lacked an optional package for some other
    // system.
    if (!npm(['ci', ...options], { mayFail: true })) npm(['install', '--no-save', ...options])
  }
  writeFileSync(stamp, wanted)
}

/**
 * Whether node_modules, by npm's own account of it, holds every version that the lock file names.
 */
function isInstalled(lock) {
  const account = join(project, 'node_modules/.package-lock.json')
  if (!existsSync(account)) return false
  const installed = JSON.parse(readFileSync(account, 'utf8')).packages
  return Object.entries(lock.packages).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || installed[path]?.version === version || (!installed[path] && (optional || devOptional)),
  )
}

/** Runs npm. Returns whether it succeeded; throws when it failed and may not. */
function npm(parameters, { mayFail = false } = {}) {
  // Under `npm run` this is the npm that called us.
  const cli = process.env.npm_execpath
  const [command, ...before] = cli !== undefined && basename(cli) === 'npm-cli.js' ? [process.execPath, cli] : ['npm']
  return run(command, [...before, ...parameters], mayFail ? undefined : 'npm could not install the dependencies')
}

function installSystemPrograms() {
  const missing = SYSTEM_PROGRAMS.filter(({ program }) => !findProgram(program))
  if (missing.length === 0) return
  const names = missing.map(({ program }) => program).join(', ')
  if (!findProgram('apt-get') || !existsSync('/etc/debian_version')) {
    const packages = missing.map(({ packages }) => packages[0]).join(' ')
    throw new Error(
      `missing: ${names}. This is no Debian: install them with the system's package manager (in Debian: ${packages})`,
    )
  }
  if (process.getuid?.() !== 0) {
    const line = ['apt-get update', installLine(missing.map(({ packages }) => packages[0]))].map((l) => `sudo ${l}`)
    throw new Error(`missing: ${names}. Run this and try again:\n${line.join(' && ')}`)
  }
  say(`missing: ${names}; asking apt for its package lists`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-q'], 'apt-get update failed', env)
  const line = installLine(missing.map(({ packages }) => packages.find(isKnownToApt) ?? packages[0]))
  say(line)
  const [command = '', ...parameters] = line.split(' ')
  run(command, parameters, 'apt-get install failed', env)
  const still = missing.filter(({ program }) => !findProgram(program)).map(({ program }) => program)
  if (still.length > 0) throw new Error(`still missing after the installation: ${still.join(', ')}`)
}

function installLine(packages) {
  return `apt-get install -y --no-install-recommends ${[...new Set(packages)].join(' ')}`
}

function isKnownToApt(name) {
  const { stdout } = spawnSync('apt-cache', ['policy', name], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  return /Candidate: (?!\(none\))/.test(stdout ?? '')
}

function findProgram(name) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...DAEMON_DIRECTORIES]
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Runs a command quietly, and returns whether it succeeded. With a complaint a failure shows what
 * it said, and throws.
 */
function run(command, parameters, complaint, env = process.env) {
  const { status, error, stdout, stderr } = spawnSync(command, parameters, {
    cwd: project,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0 || complaint === undefined) return status === 0
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
  throw new Error(`${complaint} (${error?.message ?? `status ${status}`})`)
}

function say(text) {
  process.stdout.write(`setup: ${text}\n`)
}
