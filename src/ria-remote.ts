import { join } from 'node:path'
import type { Job, SpecialRemote } from './annex/remote.ts'
import { cacheDirectory } from './core/cache-directory.ts'
import { ConfigError, messageOf } from './core/errors.ts'
import type { Log } from './core/log.ts'
import { run } from './core/run.ts'
import { withoutPassword } from './core/secret.ts'
import { fileSource } from './core/source.ts'
import { toFsPath } from './core/text.ts'
import { RiaDataset } from './ria/dataset.ts'
import type { EarlyGitConfig, GitConfig } from './ria/git-config.ts'
import { REMOTE_SETTINGS, type RemoteConfig, resolveConfig, type S3Options, type StoreUrl } from './ria/settings.ts'
import { writeMarker } from './ria/write-marker.ts'
import { type OpenSettings, openStore } from './store/open.ts'
import type { Store } from './store/store.ts'

interface Configured {
  readonly config: RemoteConfig
  readonly id: string
  readonly annexUuid: string
  /** The remote has been set up before, here or in another clone. */
  readonly isKnown: boolean
}

/** What git-annex's own S3 remote calls its credentials. */
const S3_CREDS = 's3creds'

interface Opened {
  readonly store: Store
  readonly dataset: RiaDataset
}

/** The special remote `ora`: keys of one dataset in a RIA store. The one place where the protocol meets the store. */
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
   * `log` gets a line for each call of a store; it costs time. `isFsck`: git-annex reads each key, checks it, and takes damaged copies away; it does nothing
   * else with what it reads.
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
    if (isS3(config.url) || isS3(config.pushUrl)) keepCredentials(job)
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

  /** Reading goes through `push-url` as soon as something was written there: it may be another, newer copy. */
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
    const { config, id, annexUuid } = this.#settings()
    const store = await openStore(url.location, {
      stallMs: config.stallMs,
      ssh: config.ssh,
      s3: isS3(url) ? await withCredentials(job, config.s3) : undefined,
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
    return { config, id, annexUuid, isKnown }
  }
}

function isS3(url: StoreUrl | undefined): boolean {
  return url?.location.scheme.startsWith('s3+') ?? false
}

/** With the credentials of AWS's own places, or those that git-annex keeps; where there are none, requests are not signed. */
async function withCredentials(job: Job, s3: S3Options): Promise<OpenSettings['s3']> {
  const { findCredentials } = await import('./store/s3-chain.ts')
  const found = await findCredentials(s3.profile, async () => {
    const kept = await job.getCreds(S3_CREDS)
    return kept && { accessKeyId: kept.user, secretAccessKey: kept.password }
  })
  return { ...s3, ...found }
}

/** As git-annex's own S3 remote does. Keys that are only good with a session's token would soon be of no use. */
function keepCredentials(job: Job): void {
  const { AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: password, AWS_SESSION_TOKEN: token } = process.env
  if (user && password && !token && /^\S+$/.test(user) && /^\S+$/.test(password)) job.setCreds(S3_CREDS, user, password)
}

/**
 * Whether the git-annex branch has the remote, so that it is being enabled, not made: git-annex asks us the same in both cases. One that
 * uses the uuid of another is known by its name.
 */
async function isRecorded(gitDir: string, uuid: string, sameasName: string | undefined): Promise<boolean> {
  const { code, stdout } = await run('git', [`--git-dir=${gitDir}`, 'cat-file', 'blob', 'git-annex:remote.log'])
  if (code !== 0) return false
  const name = sameasName?.replace(/[\s&]/g, (character) => `&${character.charCodeAt(0)};`)
  return stdout
    .toString()
    .split('\n')
    .map((line) => line.split(' '))
    .some(([first, ...settings]) =>
      name ? settings.includes(`sameas-uuid=${uuid}`) && settings.includes(`sameas-name=${name}`) : first === uuid,
    )
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
