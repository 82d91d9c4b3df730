import { join } from 'node:path'
import type { Job, SpecialRemote } from '../annex/remote.ts'
import { readAnnexLogs, settingsOfLine } from '../core/annex-logs.ts'
import { cacheDirectory } from '../core/cache-directory.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { EarlyGitConfig, GitConfig } from '../core/git-config.ts'
import type { Log } from '../core/log.ts'
import { run } from '../core/process/run.ts'
import { withoutPassword } from '../core/secret.ts'
import { fileSource } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { RiaDataset } from '../ria/keys/ria-dataset.ts'
import { endpointOf, s3Settings } from '../ria/settings/s3-credentials.ts'
import { REMOTE_SETTINGS, type RemoteConfig, resolveConfig, type StoreUrl } from '../ria/settings/settings.ts'
import { writeMarker } from '../ria/write-marker.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

interface Configured {
  readonly config: RemoteConfig
  readonly id: string
  readonly annexUuid: string
  /** The remote has been set up before, here or in another clone. */
  readonly isKnown: boolean
  readonly gitDir: string
  /** Of the git remote, as far as it is known. */
  readonly name: string | undefined
}

/** What git-annex's own S3 remote calls its credentials. */
const S3_CREDS = 's3creds'

interface Opened {
  readonly store: Store
  readonly dataset: RiaDataset
}

/**
 * The special remote `ora`: keys of one dataset in a RIA store. The one place where the protocol
 * meets the store.
 */
export class RiaRemote implements SpecialRemote {
  readonly settings = REMOTE_SETTINGS
  #configured: Configured | undefined
  #reading: Promise<Opened> | undefined
  #writing: Promise<Opened> | undefined
  readonly #git: EarlyGitConfig
  readonly #log: Log | undefined
  readonly #told = new Set<string>()
  readonly #isFsck: boolean

  /**
   * `log` gets a line for each call of a store; it costs time. `isFsck`: git-annex reads each key,
   * checks it, and takes damaged copies away; it does nothing else with what it reads.
   */
  constructor({ git, log, isFsck }: { git: EarlyGitConfig; log?: Log | undefined; isFsck?: boolean }) {
    this.#git = git
    this.#log = log
    this.#isFsck = isFsck ?? false
  }

  async initialize(job: Job): Promise<void> {
    const configured = await this.#configure(job, true)
    const { config, id } = configured
    for (const url of [config.url, config.pushUrl]) if (url) refuseToCommitPassword(url)
    this.#configured = configured
    const { dataset } = await this.#reader(job)
    const layout = await dataset.layout({ signal: job.signal }) // fails unless the store and the dataset are there
    this.#tellNotices(job, dataset)
    if (layout.readOnly === undefined && !configured.isKnown && isS3(config.pushUrl ?? config.url)) {
      const { store, dataset } = await this.#writer(job)
      await writeMarker(store, dataset.directory, { signal: job.signal })
    }
    if (!configured.isKnown) {
      const endpoints = [config.url, config.pushUrl].flatMap((url) =>
        url === undefined ? [] : (endpointOf(url) ?? []),
      )
      if (endpoints.length > 0) await keepCredentials(job)
      await rememberEndpoints(configured, endpoints)
    }
    job.setConfig('archive-id', id)
    if (!config.url.isLocal) job.setConfig('url', config.url.text)
    if (config.pushUrl && !config.pushUrl.isLocal) job.setConfig('push-url', config.pushUrl.text)
  }

  /** Connects to nothing: git-annex remembers a failure here for the whole run. */
  async prepare(job: Job): Promise<void> {
    this.#configured = await this.#configure(job, false)
  }

  async store(job: Job, key: string, file: string): Promise<void> {
    const { config } = this.#settings()
    const source = await fileSource(toFsPath(file), config.bufferBytes)
    await this.#do(job, this.#writer(job), (dataset) => dataset.store(key, source, callOf(job)))
  }

  async retrieve(job: Job, key: string, file: string): Promise<void> {
    await this.#do(job, this.#reader(job), (dataset) => dataset.retrieve(key, file, callOf(job)))
  }

  checkPresent(job: Job, key: string): Promise<boolean> {
    return this.#do(job, this.#reader(job), (dataset) => dataset.checkPresent(key, { signal: job.signal }))
  }

  async remove(job: Job, key: string): Promise<void> {
    await this.#do(job, this.#writer(job), (dataset) => dataset.remove(key, { signal: job.signal }))
  }

  async whereis(job: Job, key: string): Promise<string> {
    const { dataset } = await this.#reader(job)
    return dataset.describe(key)
  }

  async cost(): Promise<number> {
    return this.#settings().config.url.location.scheme === 'file' ? 100 : 200
  }

  async availability(): Promise<'GLOBAL' | 'LOCAL'> {
    return this.#settings().config.url.location.scheme === 'file' ? 'LOCAL' : 'GLOBAL'
  }

  async info(): Promise<readonly (readonly [string, string])[]> {
    const { config, id } = this.#settings()
    return [
      ['store', withoutPassword(config.url.text)],
      ...(config.pushUrl ? [['push store', withoutPassword(config.pushUrl.text)] as const] : []),
      ['dataset id', id],
      ['remote program', 'riastore'],
    ]
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled([this.#reading, this.#writing])
    for (const result of opened) {
      if (result.status === 'rejected' || result.value === undefined) continue
      await Promise.all([result.value.dataset.close(), result.value.store.close()])
    }
  }

  async #do<T>(job: Job, opened: Promise<Opened>, work: (dataset: RiaDataset) => Promise<T>): Promise<T> {
    const { dataset } = await opened
    try {
      return await work(dataset)
    } catch (error) {
      await dataset.logError(messageOf(error))
      throw error
    } finally {
      this.#tellNotices(job, dataset)
    }
  }

  /** Each once, however often the layout is read and whatever for. */
  #tellNotices(job: Job, dataset: RiaDataset): void {
    for (const line of dataset.takeNotices()) {
      if (!this.#told.has(line)) job.info(line)
      this.#told.add(line)
    }
  }

  /**
   * Reading goes through `push-url` as soon as something was written there: it may be another,
   * newer copy.
   */
  #reader(job: Job): Promise<Opened> {
    if (this.#writing !== undefined) return this.#writing
    this.#reading ??= this.#open(job, this.#settings().config.url)
    return this.#reading
  }

  #writer(job: Job): Promise<Opened> {
    const { pushUrl } = this.#settings().config
    this.#writing ??= pushUrl === undefined ? this.#reader(job) : this.#open(job, pushUrl)
    return this.#writing
  }

  async #open(job: Job, url: StoreUrl): Promise<Opened> {
    const configured = this.#settings()
    const { config, id, annexUuid, name, isKnown } = configured
    const store = await openStore(url.location, {
      stallMs: config.stallMs,
      ssh: config.ssh,
      s3: isS3(url)
        ? await s3Settings({ config, url, name, isNew: !isKnown, kept: () => keptCredentials(job) })
        : undefined,
      log: this.#log,
    })
    const { forceWrite, ignoreFlags, verify } = config
    const settings = {
      id,
      annexUuid,
      forceWrite,
      ignoreFlags,
      verify,
      // What is removed through another URL may be another copy.
      handsOverDamaged: this.#isFsck && config.pushUrl === undefined,
      cacheDirectory: join(cacheDirectory(), 'archives'),
    }
    const dataset = new RiaDataset(store, settings)
    return { store, dataset }
  }

  #settings(): Configured {
    if (this.#configured === undefined) throw new ConfigError('git-annex did not prepare the remote')
    return this.#configured
  }

  async #configure(job: Job, initializing: boolean): Promise<Configured> {
    const gitDir = await job.getGitDir()
    const reading = this.#git.of(gitDir)
    reading.catch(() => {}) // awaited below
    const names = [...REMOTE_SETTINGS.map(({ name }) => name), 'name', 'sameas-name']
    // Asked together: git-annex answers in order, and nobody waits for each.
    const [annexUuid, told, ...values] = await Promise.all([
      job.getUuid(),
      // Asked while it is set up, git-annex before 10.20260115 ends the conversation.
      initializing ? undefined : job.getGitRemoteName(),
      ...names.map((name) => job.getConfig(name)),
    ])
    const committed: Record<string, string> = Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
    const git = await reading
    const gitName = told ?? remoteWithUuid(git, annexUuid)
    const name = committed.name || committed['sameas-name'] || undefined
    const config = resolveConfig({ committed, git, gitName, name })
    const id = committed['archive-id'] || (initializing ? ((await dataladId(gitDir)) ?? annexUuid) : '')
    if (id === '') throw new ConfigError('no archive-id is configured: run git annex enableremote')
    const isKnown = !initializing || (await isRecorded(gitDir, annexUuid, committed['sameas-name']))
    return { config, id, annexUuid, isKnown, gitDir, name: gitName ?? name }
  }
}

function isS3(url: StoreUrl | undefined): boolean {
  return url?.location.scheme.startsWith('s3+') ?? false
}

/** The keys that git-annex keeps for the remote. */
async function keptCredentials(job: Job) {
  const creds = await job.getCreds(S3_CREDS)
  return creds && { accessKeyId: creds.user, secretAccessKey: creds.password }
}

/**
 * As git-annex's own S3 remote does, but only for who makes the remote. Keys that are only good
 * with a session's token would soon be of no use. Never where they would be committed without being
 * asked to: git-annex does so by default with a gpg key.
 */
async function keepCredentials(job: Job): Promise<void> {
  const { AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: password, AWS_SESSION_TOKEN: token } = process.env
  if (!user || !password || token || !/^\S+$/.test(user) || !/^\S+$/.test(password)) return
  const [embed, cipherKeys] = await Promise.all([job.getConfig('embedcreds'), job.getConfig('cipherkeys')])
  if (embed === '' && cipherKeys !== '') {
    job.info(
      'The AWS keys were not kept: with this encryption git-annex would commit them. embedcreds=yes or no decides.',
    )
  } else job.setCreds(S3_CREDS, user, password)
}

/**
 * Who made the remote named its servers, though the URL will be read from the git-annex branch from
 * now on.
 */
async function rememberEndpoints({ gitDir, name, config }: Configured, endpoints: readonly string[]): Promise<void> {
  for (const endpoint of new Set(endpoints)) {
    if (name === undefined || config.s3Endpoints.ofRemote.has(endpoint)) continue
    const args = [`--git-dir=${gitDir}`, 'config', '--add', `remote.${name}.riastore-s3-endpoint`, endpoint]
    const { code, stderr } = await run('git', args)
    if (code !== 0) throw new ConfigError(`git config cannot note the server of the store: ${stderr}`)
  }
}

/**
 * Whether a git-annex branch has the remote, so that it is being enabled, not made: git-annex asks
 * us the same in both cases. One that uses the uuid of another is known by its name.
 */
async function isRecorded(gitDir: string, uuid: string, sameasName: string | undefined): Promise<boolean> {
  const git = async (args: readonly string[]) => {
    const { code = -1, stdout, stderr } = await run('git', [`--git-dir=${gitDir}`, ...args])
    if (code !== 0 && args[0] !== 'cat-file') throw new ConfigError(`git ${args[0]} failed in ${gitDir}: ${stderr}`)
    return { code, stdout }
  }
  const lines = (await readAnnexLogs(git, gitDir, 'remote.log')).flatMap((log) => log.split('\n'))
  return lines.some((line) => {
    if (!sameasName) return line.startsWith(`${uuid} `)
    const settings = settingsOfLine(line)
    return settings.get('sameas-uuid') === uuid && settings.get('sameas-name') === sameasName
  })
}

/** What is committed goes to everybody who clones the dataset. */
function refuseToCommitPassword({ text, isLocal }: StoreUrl): void {
  const shown = withoutPassword(text)
  if (isLocal || shown === text) return
  throw new ConfigError(`${shown} was given with a password, which would be committed: set it as remote.<name>.ora-url`)
}

function callOf(job: Job) {
  return { signal: job.signal, onProgress: job.progress }
}

/** The one git remote that has this annex uuid. */
function remoteWithUuid(git: GitConfig, uuid: string): string | undefined {
  const names = [...git.keys()].flatMap((key) => {
    const [, name] = /^remote\.(.*)\.annex-uuid$/s.exec(key) ?? []
    return name !== undefined && git.get(key) === uuid ? [name] : []
  })
  return names.length === 1 ? names[0] : undefined
}

/** The id that `datalad create` gave the dataset, from what is staged or committed. */
async function dataladId(gitDir: string): Promise<string | undefined> {
  for (const blob of [':.datalad/config', 'HEAD:.datalad/config']) {
    const { code, stdout } = await run('git', [
      `--git-dir=${gitDir}`,
      'config',
      '--blob',
      blob,
      '--get',
      'datalad.dataset.id',
    ])
    const id = stdout.toString().trim()
    if (code === 0 && id !== '') return id
  }
  return undefined
}
