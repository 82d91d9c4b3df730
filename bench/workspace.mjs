/**
 * Where a run happens: a directory of its own, an environment of its own, servers, and the end of
 * them all.
 */
import { spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { reapAll, run } from './children.mjs'
import { removeTree } from './files.mjs'
import { startS3 } from './s3-server.mjs'
import { makeKeys, startSshd, writeClients } from './sshd.mjs'

const PROJECT = join(import.meta.dirname, '..')

/** Our special remote, as `npm run build` makes it. */
export const OURS = join(PROJECT, 'dist', 'git-annex-remote-ora.js')

/** @param {string} root */
const cacheHome = (root) => join(root, 'home', '.cache')

/** @param {string} path */
function makeExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    chmodSync(path, 0o755)
  }
}

/**
 * One build is measured from the first round to the last, whatever is built meanwhile.
 * @param {string} root @returns {string} the directory of the copies of our programs
 */
function copyPrograms(root) {
  const copy = join(root, 'riastore')
  cpSync(dirname(OURS), join(copy, 'dist'), { recursive: true })
  cpSync(join(PROJECT, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'))
  return join(copy, 'dist')
}

/**
 * @param {string} root @param {string} bin a directory for PATH
 * @param {string | undefined} before another checkout of ours
 */
function linkPrograms(root, bin, before) {
  mkdirSync(bin)
  const floor = join(import.meta.dirname, 'floor-remote.mjs')
  const programs = { node: process.execPath, 'git-annex-remote-floor': floor }
  if (existsSync(OURS)) {
    const copies = copyPrograms(root)
    programs['git-annex-remote-riastore'] = join(copies, basename(OURS))
    programs.riastore = join(copies, 'riastore.js')
    programs['git-remote-s3+http'] = join(copies, 'git-remote-riastore.js')
  }
  if (before !== undefined) programs['git-annex-remote-before'] = join(before, 'dist', basename(OURS))
  for (const [name, target] of Object.entries(programs)) {
    makeExecutable(target)
    symlinkSync(target, join(bin, name))
  }
}

/** git-annex's own S3 remote would not talk to this machine. */
const GIT_CONFIG = `[user]
\tname = bench
\temail = bench@localhost
[gc]
\tauto = 0
[annex "security"]
\tallowed-ip-addresses = 127.0.0.1
`

/** Nothing of the user's own configuration may count. @param {string} root @param {string} bin */
function makeEnvironment(root, bin) {
  const home = join(root, 'home')
  mkdirSync(home)
  writeFileSync(join(home, '.gitconfig'), GIT_CONFIG)
  const { XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR, SSH_AUTH_SOCK, AWS_CA_BUNDLE, ...rest } =
    process.env
  return {
    ...rest,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    // DataLad wants the system's python3, whatever else the user has first on PATH.
    PATH: `${bin}:/usr/bin:/bin:${process.env.PATH}`,
    DATALAD_LOCATIONS_SOCKETS: join(root, 'sockets'),
    XDG_CACHE_HOME: cacheHome(root),
  }
}

/**
 * @param {number} port @param {number} delay ms @returns {Promise<{port: number, stop(): void}>}
 */
export function startProxyProcess(port, delay) {
  const program = join(import.meta.dirname, 'latency-proxy.mjs')
  const child = spawn(process.execPath, [program, String(port), String(delay)], { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => reject(new Error('the latency proxy did not start')))
    child.stdout.once('data', (data) => resolve({ port: Number(data), stop: () => child.stdin.end() }))
  })
}

/**
 * The round trip that the proxy really makes, in ms.
 * @param {number} delay
 * @returns {Promise<number>}
 */
export async function measureRoundTrip(delay) {
  const { connect } = await import('node:net')
  const echo = createServer({ noDelay: true }, (socket) => socket.pipe(socket))
  await new Promise((resolve) => echo.listen(0, '127.0.0.1', () => resolve(undefined)))
  const proxy = await startProxyProcess(echo.address().port, delay)
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
  const ping = () => {
    const start = performance.now()
    socket.write('x')
    return new Promise((resolve) => socket.once('data', () => resolve(performance.now() - start)))
  }
  await ping()
  const times = []
  for (let i = 0; i < 25; i++) times.push(await ping())
  socket.destroy()
  proxy.stop()
  echo.close()
  return times.toSorted((a, b) => a - b)[12]
}

/**
 * @typedef {object} Place where repositories and stores lie
 * @property {string} root
 * @property {'memory' | 'disk'} kind
 */

/**
 * @typedef {object} Workspace
 * @property {Place} main
 * @property {Place} disk
 * @property {(command: string[], cwd: string, more?: import('./run.mjs').More) =>
 * Promise<import('./children.mjs').Run>} run
 * @property {() => Promise<import('./s3-server.mjs').S3Server>} s3 started when it is first asked
 * for
 * @property {(step: () => unknown) => void} atEnd has something undone when all ends
 * @property {() => void} forgetCaches as if nobody had run a program before
 * @property {() => Promise<void>} close ends all that was started and removes all that was made
 * @property {AbortSignal} closed
 */

/**
 * @param {ReturnType<typeof import('./options.mjs').readOptions>} options
 * @returns {Promise<Workspace>}
 */
export async function openWorkspace(options) {
  /** @type {(() => unknown)[]} undone from the last to the first */
  const undo = []
  const place = (/** @type {string} */ parent, /** @type {Place['kind']} */ kind) => {
    const root = mkdtempSync(join(parent, 'riastore-bench-'))
    undo.push(() => removeTree(root))
    return { root, kind }
  }
  const closing = new AbortController()
  const close = async () => {
    closing.abort()
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const main = place(options.dir, 'memory')
    const disk = place(options.diskDir, 'disk')
    const bin = join(main.root, 'bin')
    linkPrograms(main.root, bin, options.before)
    const env = makeEnvironment(main.root, bin)
    const keys = makeKeys(join(main.root, 'ssh'))
    const shell = await startSshd(keys, 'shell')
    undo.push(shell.stop)
    const sftpOnly = await startSshd(keys, 'sftp', ['ForceCommand internal-sftp'])
    undo.push(sftpOnly.stop)
    const proxy = await startProxyProcess(shell.port, options.delay)
    undo.push(proxy.stop)
    undo.push(() => reapAll(main.root))
    writeClients(keys, bin, { bench: shell.port, 'bench-far': proxy.port, 'bench-sftp': sftpOnly.port })
    /** @type {Promise<import('./s3-server.mjs').S3Server> | undefined} */
    let s3
    const startServer = async () => {
      const server = await startS3()
      undo.push(server.stop)
      return server
    }
    return {
      main,
      disk,
      s3: () => {
        s3 ??= startServer()
        return s3
      },
      atEnd: (step) => undo.push(step),
      forgetCaches: () => removeTree(cacheHome(main.root)),
      close,
      closed: closing.signal,
      async run(command, cwd, { variables = {}, ...more } = {}) {
        closing.signal.throwIfAborted()
        return run(command, { directory: main.root, cwd, env: { ...env, ...variables }, limit: options.limit, ...more })
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
