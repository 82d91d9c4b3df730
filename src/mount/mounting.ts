import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../core/errors.ts'
import { findProgram } from '../core/process/find-program.ts'
import { run } from '../core/process/run.ts'
import { serveKernel } from './fuse/connection.ts'
import { FUSE_FD, launcherCommand } from './fuse/launcher.ts'
import type { Owner, Request } from './fuse/messages.ts'

/** Tells the process that a launcher becomes where it finds /dev/fuse. */
const FD_VARIABLE = 'RIASTORE_FUSE_FD'

/** Descriptors of files that are in use keep a folder alive that was unmounted; for so long. ms. */
const LINGER_MS = 2_000

/** Threads of node's pool: two wait for the kernel. */
const THREADS = '8'

/** The programs by which users mount. */
export interface MountPrograms {
  readonly python: string
  readonly fusermount: string
}

/** Throws ConfigError that says what to install. */
export async function findMountPrograms(): Promise<MountPrograms> {
  const [python, fusermount] = [await findProgram('python3'), await findProgram('fusermount3')]
  if (process.platform !== 'linux') throw new ConfigError('folders are mounted on Linux only')
  if (fusermount === undefined) throw new ConfigError('fusermount3 is not on PATH: install fuse3')
  if (python === undefined) throw new ConfigError('python3 is not on PATH, which is needed to mount a folder')
  return { python, fusermount }
}

/** Where this process finds /dev/fuse, if it was started to answer for a folder. */
export function deviceOfOurs(): number | undefined {
  const text = process.env[FD_VARIABLE]
  delete process.env[FD_VARIABLE] // what we start has nothing to do with it
  return text === String(FUSE_FD) ? FUSE_FD : undefined
}

/** What the process that answers tells the one that started it, when the folder can be used. */
const READY = 'ready'

export interface StartOptions {
  readonly directory: string
  /** What the list of mounted file systems says that it is. */
  readonly source: string
  /** It can be written to. */
  readonly writable: boolean
  /** It goes on when this process has ended. */
  readonly alone: boolean
  /** Ends it. */
  readonly signal: AbortSignal
}

/**
 * Mounts a folder, and has this program with the same arguments answer for it, in a process of its
 * own. Resolves with its exit code when it ends; or with undefined when it goes on alone.
 */
export async function startMounted(programs: MountPrograms, options: StartOptions): Promise<number | undefined> {
  const { directory, source, writable, alone, signal } = options
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const [program = '', ...args] = launcherCommand({ ...programs, directory, source, writable }, self)
  const child = spawn(program, args, {
    env: { ...process.env, [FD_VARIABLE]: String(FUSE_FD), UV_THREADPOOL_SIZE: THREADS },
    stdio: [alone ? 'ignore' : 'inherit', alone ? 'ignore' : 'inherit', alone ? 'pipe' : 'inherit', 'ipc'],
    detached: alone,
  })
  child.stderr?.on('data', (bytes: Buffer) => process.stderr.write(bytes))
  // A Ctrl-C reaches it too; whoever ends us alone means it as well.
  signal.addEventListener('abort', () => child.connected && child.disconnect(), { once: true })
  const ready = once(child, 'message').then(() => undefined)
  const ended = once(child, 'exit').then(async ([code]) => {
    if (typeof code === 'number') return code
    // It was killed. fusermount3 may have looked before the kernel knew that nobody answers.
    if (!signal.aborted) await unmount(programs.fusermount, directory)
    return 1
  })
  if (!alone) return ended
  const code = await Promise.race([ready, ended])
  if (code === undefined) {
    child.stderr?.destroy()
    child.disconnect()
    child.unref()
  }
  return code
}

/** To be called by who answers: it can be used. `alone`: whoever started us may end. */
export function tellReady(alone: boolean): void {
  process.send?.(READY)
  if (alone && process.connected) process.disconnect()
}

export interface MountedOptions {
  readonly device: number
  readonly directory: string
  readonly fusermount: string
  /** Ends it. */
  readonly signal: AbortSignal
  readonly onReady: () => void
  /** A request failed; `path` from the top of the folder. */
  readonly onFailure: (error: unknown, path: string) => void
}

/** What answers the kernel. */
export interface Answers {
  /** Something can be changed in it. */
  readonly writable: boolean
  handle(request: Request, signal: AbortSignal): Promise<Buffer>
  /** The kernel no longer uses a node that it was told of so many times. */
  forget(node: number, times: number): void
  /** From the top, for messages. */
  pathOf(node: number): string
  /** Nobody can ask any more. */
  close(): void
}

/** Whose everything in a mounted folder is. */
export function ownerOfOurs(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}

/** Answers for a mounted folder, until it is unmounted or the signal aborts, which unmounts it. */
export async function serveFolder(folder: Answers, options: MountedOptions): Promise<void> {
  const { device, directory, signal } = options
  let connection: Promise<number | undefined> = Promise.resolve(undefined)
  const served = serveKernel(device, (request, stop) => folder.handle(request, stop), {
    onReady: () => {
      connection = stat(directory).then(
        ({ dev }) => minorOf(dev),
        () => undefined,
      )
      options.onReady()
    },
    onFailure: (error, { node }) => options.onFailure(error, folder.pathOf(node)),
    onForget: (node, times) => folder.forget(node, times),
    writable: folder.writable,
  })
  // The threads that wait for the kernel would keep a process that fails from ending, and all who
  // look into the folder would wait with it.
  const die = () => process.kill(process.pid, 'SIGKILL')
  process.once('exit', die)
  served.then(
    () => process.removeListener('exit', die),
    () => {},
  )
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  try {
    await Promise.race([served, aborted])
    if (!signal.aborted) return
    await unmount(options.fusermount, directory)
    const lingers = await Promise.race([served.then(() => false), sleep(LINGER_MS, true, { ref: false })])
    if (lingers) await cutOff(await connection)
  } finally {
    folder.close()
  }
}

/** Unmounts a folder; one that is in use is gone from its place at once, too. */
export async function unmount(fusermount: string, directory: string): Promise<void> {
  if ((await run(fusermount, ['-u', '--', directory])).code !== 0) await run(fusermount, ['-u', '-z', '--', directory])
}

/**
 * Has the kernel answer whoever still has files open, for nobody else will. The threads that wait
 * for it would keep this process from ending.
 */
async function cutOff(connection: number | undefined): Promise<void> {
  try {
    await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, '1')
  } catch {} // then this process is killed when it ends
}

/** Of a device number as glibc has it. */
function minorOf(device: number): number {
  return (device & 0xff) | (Math.floor(device / 4096) & 0xfff00)
}
