import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { installOurPrograms, systemPath, systemProgram, writeWrapper } from '../programs/programs.ts'
import { killAllRunning, run } from '../programs/run.ts'
import { GIT_CONFIG } from './git-config.ts'

/**
 * A directory for one test file, with a home of its own: no program started with its environment
 * reads or writes the settings, keys or caches of the person who runs the tests. OpenSSH looks into
 * the home of the account whatever $HOME says, so `ssh`, `scp` and `sftp` are wrappers that give it
 * our configuration file.
 */
export interface Workspace {
  readonly directory: string
  /** Environment with our programs first on PATH. */
  readonly env: NodeJS.ProcessEnv
  /** Environment in which git-annex finds DataLad's own ORA remote. */
  readonly stockEnv: NodeJS.ProcessEnv
  readonly sshConfigFile: string
  readonly knownHostsFile: string
  path(...parts: string[]): string
  /** How often our remote was started since the last `forgetStarts`. */
  starts(): Promise<number>
  forgetStarts(): Promise<void>
  /**
   * Runs what was registered (last first), kills the programs that still run, and removes the
   * directory.
   */
  remove(): Promise<void>
  onRemove(cleanup: () => Promise<void>): void
}

/** Directories that are to be removed when the tests are broken off. */
const directories = new Set<string>()
process.on('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

export async function makeWorkspace(options: { readonly parent?: string } = {}): Promise<Workspace> {
  const directory = await mkdtemp(join(options.parent ?? tmpdir(), 'riastore-'))
  directories.add(directory)
  await chmod(directory, 0o755)
  const path = (...parts: string[]) => join(directory, ...parts)
  const home = path('home')
  const wrappers = path('wrappers')
  const programs = path('programs')
  const sshConfigFile = path('ssh/config')
  const knownHostsFile = path('ssh/known_hosts')
  for (const each of [home, wrappers, path('ssh')]) await mkdir(each)
  await writeFile(path('home/.gitconfig'), GIT_CONFIG)
  await writeFile(sshConfigFile, '')
  await writeFile(knownHostsFile, '')
  for (const name of ['ssh', 'scp', 'sftp']) {
    await writeWrapper(wrappers, name, [await systemProgram(name), '-F', sshConfigFile])
  }
  await installOurPrograms(programs)

  const stockEnv: NodeJS.ProcessEnv = {
    PATH: [wrappers, systemPath].join(delimiter),
    HOME: home,
    GIT_CONFIG_GLOBAL: path('home/.gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GNUPGHOME: path('home/.gnupg'),
    // DataLad takes the first away from git-annex, which then took names for ASCII.
    LC_ALL: 'C.UTF-8',
    LANG: 'C.UTF-8',
    TMPDIR: tmpdir(),
  }
  // Last of all, so that servers can still look for what they started.
  const cleanups: (() => Promise<void>)[] = [async () => killAllRunning()]
  const startsLog = join(programs, 'starts.log')
  return {
    directory,
    env: { ...stockEnv, PATH: [wrappers, programs, systemPath].join(delimiter) },
    stockEnv,
    sshConfigFile,
    knownHostsFile,
    path,
    starts: async () => (await readFile(startsLog, 'utf8')).split('\n').length - 1,
    forgetStarts: () => writeFile(startsLog, ''),
    onRemove: (cleanup) => cleanups.push(cleanup),
    remove: async () => {
      for (const cleanup of cleanups.reverse()) await cleanup()
      await removeTree(directory)
      directories.delete(directory)
    },
  }
}

/** Removes a tree with the read-only directories that git-annex leaves. */
export async function removeTree(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) await run('chmod', ['-R', 'u+rwX', directory])
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
