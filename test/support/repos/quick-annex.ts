import { randomUUID } from 'node:crypto'
import { appendFile, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemPath } from '../programs/programs.ts'
import { type RunOptions, runOk } from '../programs/run.ts'

// What git-annex makes by forty processes is made here by two: test/e2e/quick-dataset.test.ts
// compares. Half of the processor time of a test run is spent in starting git.

/** What its uuid is in the files of the template. */
const UUID_LINE = /^\tuuid = .*$/m

/**
 * Makes a repository with an annex in a directory that there is not yet, to be copied: without a
 * branch git-annex, for that names the repository.
 */
export async function makeAnnexTemplate(directory: string, gitConfig: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'config'), gitConfig)
  const env = {
    PATH: systemPath,
    HOME: directory,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_GLOBAL: join(directory, 'config'),
    GIT_CONFIG_NOSYSTEM: '1',
  }
  const repo = join(directory, 'repo')
  await runOk('git', ['init', '-q', repo], { env })
  await runOk('git', ['annex', 'init', '-q', 'template'], { env, cwd: repo })
  const git = join(repo, '.git')
  for (const path of ['refs/heads/git-annex', 'logs', 'objects', 'annex/index', 'annex/index.lck']) {
    await rm(join(git, path), { recursive: true })
  }
  for (const path of ['objects/info', 'objects/pack']) await mkdir(join(git, path), { recursive: true })
  for (const hook of await readdir(join(git, 'hooks'))) {
    if (hook.endsWith('.sample')) await rm(join(git, 'hooks', hook))
  }
  return git
}

/**
 * Makes what `git init` and `git annex init <name>` make, in a directory that is empty. The caller
 * sees to it that the user of `options` owns all of it, by `own`.
 */
export async function copyAnnex(
  template: string,
  path: string,
  name: string,
  options: RunOptions,
  own: () => Promise<void>,
): Promise<void> {
  const git = join(path, '.git')
  await runOk('cp', ['-a', template, git])
  // It tells git-annex whether inodes are still those of the time when the repository was made.
  const { ino, mtimeNs } = await lstat(join(git, 'annex/sentinal'), { bigint: true })
  const [seconds, rest] = [mtimeNs / 1_000_000_000n, mtimeNs % 1_000_000_000n]
  await writeFile(join(git, 'annex/sentinal.cache'), `${ino} 0 ${seconds} ${rest}`)
  await own()
  const uuid = await takeUuid(path)
  await commitLogs(path, options, 'branch created', { 'uuid.log': `${uuid} ${name} timestamp=${now()}s\n` })
}

/**
 * Makes a copy of a repository one of its own, with another uuid, as `git annex init <name>` does
 * when the uuid was taken out of the configuration.
 */
export async function renewAnnex(path: string, name: string, options: RunOptions): Promise<void> {
  const { 'uuid.log': log } = await readLogs(path, options, ['uuid.log'])
  const uuid = await takeUuid(path)
  await commitLogs(path, options, 'update', { 'uuid.log': `${log}${uuid} ${name} timestamp=${now()}s\n` })
}

/** Writes a new uuid into the configuration of a repository, and returns it. */
async function takeUuid(path: string): Promise<string> {
  const uuid = randomUUID()
  const file = join(path, '.git/config')
  const config = await readFile(file, 'utf8')
  if (!UUID_LINE.test(config)) throw new Error(`${file} has no uuid`)
  await writeFile(file, config.replace(UUID_LINE, `\tuuid = ${uuid}`))
  return uuid
}

export interface RecordedRemote {
  readonly name: string
  /** As they are given to `git annex initremote`. */
  readonly settings: Readonly<Record<string, string>>
}

/** Whether a newer git-annex than this system's is tried (scripts/test-annex.mjs). */
const IS_ANOTHER_ANNEX = process.env.RIASTORE_TEST_PROGRAMS !== undefined

/** Records a special remote as `git annex initremote` does, without starting it. */
export async function recordRemote(path: string, options: RunOptions, { name, settings }: RecordedRemote) {
  const uuid = randomUUID()
  const logs = await readLogs(path, options, ['uuid.log', 'remote.log'])
  const pairs = Object.entries({ name, ...settings }).map((pair) => pair.join('='))
  const time = `timestamp=${now()}s`
  const record = `${uuid} ${pairs.sort().join(' ')} ${time}\n`
  await commitLogs(path, options, 'update', {
    'uuid.log': `${logs['uuid.log']}${uuid} ${name} ${time}\n`,
    'remote.log': `${logs['remote.log']}${record}`,
  })
  const section = [`[remote "${name}"]`, `annex-externaltype = ${settings.externaltype}`, `annex-uuid = ${uuid}`]
  if (IS_ANOTHER_ANNEX) {
    // As it keeps what whoever made a remote agreed to.
    section.push('annex-verified = verified')
    await appendFile(join(path, '.git/annex/verified-remote.log'), record)
  }
  await appendFile(join(path, '.git/config'), `${[...section, 'skipFetchAll = true'].join('\n\t')}\n`)
}

/** In seconds, to the nanosecond. */
function now(): string {
  return `${(Date.now() / 1000).toFixed(3)}000000`
}

/** Reads files of the branch git-annex; empty where there is none. */
async function readLogs<Name extends string>(
  path: string,
  options: RunOptions,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const input = names.map((name) => `refs/heads/git-annex:${name}\n`).join('')
  let { stdout: rest } = await runOk('git', ['cat-file', '--batch'], { ...options, cwd: path, input })
  const logs = {} as Record<Name, string>
  for (const name of names) {
    const end = rest.indexOf('\n') + 1
    const size = Number(/ blob (\d+)\n$/.exec(rest.slice(0, end))?.[1] ?? -1)
    logs[name] = size < 0 ? '' : rest.slice(end, end + size)
    rest = rest.slice(end + size + 1)
  }
  return logs
}

/** Commits to the branch git-annex, which may be missing. */
async function commitLogs(
  path: string,
  options: RunOptions,
  message: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000)
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const input = [
    'commit refs/heads/git-annex\n',
    `committer A Tester <tester@example.com> ${seconds} +0000\n`,
    data(message),
    message === 'branch created' ? '' : 'from refs/heads/git-annex^0\n',
    ...Object.entries(files).map(([name, content]) => `M 100644 inline ${name}\n${data(content)}`),
  ].join('')
  await runOk('git', ['fast-import', '--quiet'], { ...options, cwd: path, input })
}
