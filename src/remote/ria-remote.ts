import { join } from 'node:path'
import type { KeyRequest } from '../annex/messages.ts'
import type { Job, SpecialRemote } from '../annex/remote.ts'
import type { Outcome } from '../annex/replies.ts'
import { cacheDirectory } from '../core/cache-directory.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { EarlyGitConfig } from '../core/git-config.ts'
import type { Log } from '../core/log.ts'
import { withoutPassword } from '../core/secret.ts'
import { fileSource } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { RiaDataset } from '../ria/keys/ria-dataset.ts'
import { s3Settings } from '../ria/settings/s3-credentials.ts'
import { REMOTE_SETTINGS, type StoreUrl } from '../ria/settings/settings.ts'
import { webdavLogins } from '../ria/settings/webdav.ts'
import { writeMarker } from '../ria/write-marker.ts'
import { openStore } from '../store/open.ts'
import { factsOf } from '../store/schemes.ts'
import type { Store } from '../store/store.ts'
import { type Configured, configure } from './configure.ts'
import { keepAccess, keptCredentials, keptLogin, refuseToCommitPassword } from './credentials.ts'

const DONE: Outcome = { result: 'done' }

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
  /** What these resolved with. */
  readonly #opened: { reading?: RiaDataset; writing?: RiaDataset } = {}
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
    const configured = await configure(job, this.#git, true)
    const { config, id } = configured
    for (const url of [config.url, config.pushUrl]) if (url) refuseToCommitPassword(url)
    this.#configured = configured
    const { dataset } = await this.#reader(job)
    const layout = await dataset.layout({ signal: job.signal }) // fails unless the store and the dataset are there
    this.#tellNotices(job, dataset)
    if (layout.readOnly === undefined && !configured.isKnown && isS3(config.pushUrl ?? config.url)) {
      const { dataset } = await this.#writer(job)
      await writeMarker(dataset.stored, { signal: job.signal })
    }
    if (!configured.isKnown) await keepAccess(job, configured)
    job.setConfig('archive-id', id)
    if (!config.url.isLocal) job.setConfig('url', config.url.text)
    if (config.pushUrl && !config.pushUrl.isLocal) job.setConfig('push-url', config.pushUrl.text)
  }

  /** Connects to nothing: git-annex remembers a failure here for the whole run. */
  async prepare(job: Job): Promise<void> {
    this.#configured = await configure(job, this.#git, false)
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

  /** Once the store is open, for what is plain (see RiaDataset). */
  atOnce(request: KeyRequest): Outcome | Promise<Outcome> | undefined {
    const { writing } = this.#opened
    const reading = this.#writing === undefined ? this.#opened.reading : writing
    switch (request.verb) {
      case 'CHECKPRESENT': {
        const isPresent = reading?.checkPresentAtOnce(request.key)
        return isPresent === undefined ? undefined : { result: isPresent ? 'present' : 'absent' }
      }
      case 'REMOVE':
        return writing?.removeAtOnce(request.key) === true ? DONE : undefined
      case 'TRANSFER': {
        const { direction, key, file } = request
        if (direction === 'RETRIEVE') return reading?.retrieveAtOnce(key, file) === true ? DONE : undefined
        const stored = writing?.storeAtOnce(key, file)
        if (!(stored instanceof Promise)) return stored && DONE
        return loggingErrors(writing, stored).then(() => DONE)
      }
    }
  }

  async whereis(job: Job, key: string): Promise<string> {
    const { dataset } = await this.#reader(job)
    return dataset.describe(key)
  }

  get #isLocal(): boolean {
    return factsOf(this.#settings().config.url.location).local
  }

  async cost(): Promise<number> {
    return this.#isLocal ? 100 : 200
  }

  async availability(): Promise<'GLOBAL' | 'LOCAL'> {
    return this.#isLocal ? 'LOCAL' : 'GLOBAL'
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
      return await loggingErrors(dataset, work(dataset))
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
    this.#reading ??= this.#open(job, this.#settings().config.url, 'reading')
    return this.#reading
  }

  #writer(job: Job): Promise<Opened> {
    const { pushUrl } = this.#settings().config
    this.#writing ??= pushUrl === undefined ? this.#openedToRead(job) : this.#open(job, pushUrl, 'writing')
    return this.#writing
  }

  async #openedToRead(job: Job): Promise<Opened> {
    const opened = await this.#reader(job)
    this.#opened.writing = opened.dataset
    return opened
  }

  async #open(job: Job, url: StoreUrl, what: 'reading' | 'writing'): Promise<Opened> {
    const configured = this.#settings()
    const { config, git, id, annexUuid, name, isKnown } = configured
    const store = await openStore(url.location, {
      stallMs: config.stallMs,
      ssh: config.ssh,
      git,
      s3: isS3(url)
        ? await s3Settings({ config, url, name, isNew: !isKnown, kept: () => keptCredentials(job) })
        : undefined,
      dav: await webdavLogins({
        location: url.location,
        git,
        isNamed: !isKnown || url.isLocal,
        remote: name,
        kept: () => keptLogin(job),
      }),
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
    this.#opened[what] = dataset
    return { store, dataset }
  }

  #settings(): Configured {
    if (this.#configured === undefined) throw new ConfigError('git-annex did not prepare the remote')
    return this.#configured
  }
}

async function loggingErrors<T>(dataset: RiaDataset | undefined, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    await dataset?.logError(messageOf(error))
    throw error
  }
}

function isS3(url: StoreUrl | undefined): boolean {
  return url !== undefined && factsOf(url.location).awsCredentials
}

function callOf(job: Job) {
  return { signal: job.signal, onProgress: job.progress }
}
