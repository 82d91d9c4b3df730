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
import { REMOTE_SETTINGS, type RemoteConfig, resolveConfig, type StoreUrl } from './ria/settings.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'

interface Configured {
  readonly config: RemoteConfig
  readonly id: string
  readonly annexUuid: string
}

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

  /** `log` gets a line for each call of a store; it costs time. */
  constructor({ git, log }: { git: EarlyGitConfig; log?: Log | undefined }) {
    this.#git = git
    this.#log = log
  }

  async initialize(job: Job): Promise<void> {
    const { config, id } = await this.#configure(job, true)
    for (const url of [config.url, config.pushUrl]) if (url) refuseToCommitPassword(url)
    this.#configured = { config, id, annexUuid: await job.getUuid() }
    const { dataset } = await this.#reader()
    const layout = await dataset.layout({ signal: job.signal }) // fails unless the store and the dataset are there
    if (layout.readOnly !== undefined) job.info(`The store is treated as read-only: ${layout.readOnly}`)
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
    await this.#do(this.#writer(), (dataset) => dataset.store(key, source, callOf(job)))
  }

  async retrieve(job: Job, key: string, file: string): Promise<void> {
    await this.#do(this.#reader(), (dataset) => dataset.retrieve(key, file, callOf(job)))
  }

  checkPresent(job: Job, key: string): Promise<boolean> {
    return this.#do(this.#reader(), (dataset) => dataset.checkPresent(key, { signal: job.signal }))
  }

  async remove(job: Job, key: string): Promise<void> {
    await this.#do(this.#writer(), (dataset) => dataset.remove(key, { signal: job.signal }))
  }

  async whereis(_job: Job, key: string): Promise<string> {
    const { dataset } = await this.#reader()
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

  async #do<T>(opened: Promise<Opened>, work: (dataset: RiaDataset) => Promise<T>): Promise<T> {
    const { dataset } = await opened
    try {
      return await work(dataset)
    } catch (error) {
      await dataset.logError(messageOf(error))
      throw error
    }
  }

  /** Reading goes through `push-url` as soon as something was written there: it may be another, newer copy. */
  #reader(): Promise<Opened> {
    if (this.#writing !== undefined) return this.#writing
    this.#reading ??= this.#open(this.#settings().config.url)
    return this.#reading
  }

  #writer(): Promise<Opened> {
    const { pushUrl } = this.#settings().config
    this.#writing ??= pushUrl === undefined ? this.#reader() : this.#open(pushUrl)
    return this.#writing
  }

  async #open(url: StoreUrl): Promise<Opened> {
    const { config, id, annexUuid } = this.#settings()
    const store = await openStore(url.location, {
      stallMs: config.stallMs,
      ssh: config.ssh,
      log: this.#log,
    })
    const { forceWrite, ignoreFlags, verify } = config
    const settings = {
      id,
      annexUuid,
      forceWrite,
      ignoreFlags,
      verify,
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
    const names = ['url', 'push-url', 'archive-id', 'force-write', 'ssh-host', 'base-path', 'name', 'sameas-name']
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
    return { config, id, annexUuid }
  }
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
