import { isStoreError, type StoreError } from '../../core/errors.ts'
import { isMutable, keyFileName, parseKey } from '../../core/key.ts'
import { readSmallFile } from '../../core/read-whole.ts'
import type { Source } from '../../core/source.ts'
import { toFsPath } from '../../core/text.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { appendOnlyError } from '../layout/append-only.ts'
import { writeErrorLog } from '../layout/error-log.ts'
import { checkAnnexUuid, datasetDirectory, keyPaths, transferDirectory } from '../layout/paths.ts'
import { type Layout, readLayout, readSharing } from '../layout/read-layout.ts'
import { StoredDataset } from '../layout/stored-dataset.ts'
import { writeTombstone } from '../layout/tombstones.ts'
import { type Copy, TRIES } from './copy.ts'
import { DatasetArchive } from './dataset-archive.ts'
import { handOver } from './hand-over.ts'
import { type FindOptions, KeyFinder, type KeyPlaces } from './key-finder.ts'
import { KeysAtOnce } from './keys-at-once.ts'
import { retrieveToFile } from './retrieve.ts'

export interface DatasetSettings {
  /** The dataset's id, ORA's `archive-id`. */
  readonly id: string
  /** The annex uuid of the special remote. */
  readonly annexUuid: string
  /** Write even where the layout is of a version that we do not know. */
  readonly forceWrite?: boolean
  /** Pay no attention to the flags in the layout files. */
  readonly ignoreFlags?: boolean
  /** Check a download against the key's own checksum. */
  readonly verify?: boolean
  /**
   * Whoever asks for a key reads it, checks it, and removes it here when it is damaged. So a
   * damaged copy is present, and is handed over as it is, if its damage is sure to be found. Not
   * for a store that cannot be written to: what is damaged may be the way to it.
   */
  readonly handsOverDamaged?: boolean
  /**
   * Where indices of archives are kept for later processes. Without, each process reads them anew.
   */
  readonly cacheDirectory?: string | undefined
}

/** An upload that has not moved for so long is dead: nobody goes on with it. */
const DEAD_UPLOAD_MS = 24 * 60 * 60 * 1000

/**
 * The keys of one dataset in a store. Every method rejects with StoreError (or ConfigError for a
 * key that is none); only `checkPresent` resolving with false means that a key is not there.
 */
export class RiaDataset {
  readonly stored: StoredDataset
  readonly #store: Store
  readonly #settings: DatasetSettings
  readonly #archive: DatasetArchive
  readonly #finder: KeyFinder
  readonly #atOnce: KeysAtOnce
  #layout: Promise<Layout> | undefined
  /** What it resolved with, while it counts. */
  #known: Layout | undefined
  #sharing: Promise<Sharing | undefined> | undefined
  #knownSharing: { readonly sharing: Sharing | undefined } | undefined
  #lastPlaces: { readonly version: string; readonly places: KeyPlaces } | undefined
  #swept = false
  #notices: readonly string[] = []

  /** Throws ConfigError for an id or uuid that is no plain name. */
  constructor(store: Store, settings: DatasetSettings) {
    checkAnnexUuid(settings.annexUuid)
    this.#store = store
    this.#settings = settings
    this.stored = new StoredDataset(store, datasetDirectory(settings.id), settings.id)
    this.#archive = new DatasetArchive(this.stored, settings.cacheDirectory)
    this.#finder = new KeyFinder(this.stored, this.#archive)
    this.#atOnce = new KeysAtOnce(this.stored, this.#archive.path)
  }

  /** What the layout files say; read once, and again after a failure. */
  layout(call: CallOptions = {}): Promise<Layout> {
    this.#layout ??= this.#readLayout(call).catch((error: unknown) => {
      this.#forgetLayout()
      throw error
    })
    return this.#layout
  }

  /** What a user has to know of the layout, as far as it was read since the last call. */
  takeNotices(): readonly string[] {
    const notices = this.#notices
    this.#notices = []
    return notices
  }

  /** Whether the dataset has a key. False is said only when the store proved it. */
  async checkPresent(text: string, call: CallOptions = {}): Promise<boolean> {
    const evenDamaged = this.#handsOverDamaged
    return (await this.#find(await this.#places(text, call), { ...call, evenDamaged })) !== undefined
  }

  /**
   * Downloads a key into a local file, going on where a partial one ends. Throws `missing` when it
   * is proven absent.
   */
  async retrieve(text: string, file: string, call: CallOptions = {}): Promise<void> {
    const places = await this.#places(text, call)
    const verify = this.#settings.verify ?? false
    const read = (copy: Copy) => retrieveToFile(copy, places.key, file, { verify, ...call })
    try {
      if (await this.#asked(this.#finder.read(places, read, call))) return
    } catch (error) {
      if (!isStoreError(error, 'corrupt') || !this.#handsOverDamaged) throw error
      const copy = await this.#find(places, { ...withoutProgress(call), evenDamaged: true })
      if (copy === undefined || !(await handOver(copy, places.key, file, call))) throw error
      return
    }
    throw this.#error('missing', 'get', `key ${places.key.text} is not in the store`)
  }

  /**
   * Uploads a key, replacing what is there: an encrypted key has other bytes each time, and a
   * damaged copy shall go. What the archive has already is not stored again.
   */
  async store(text: string, source: Source, call: CallOptions = {}): Promise<void> {
    await this.#requireWritable(call)
    const places = await this.#places(text, call)
    const [path] = places.loose
    if (path === undefined) throw new Error('a key has at least one path')
    if ((await this.layout(call)).appendOnly) await this.#requireNew(places, call)
    for (let tries = 1; tries <= TRIES; tries++) {
      const before = await this.#finder.beforeStoring(places, call)
      if (before.archived?.size === source.size && !isMutable(places.key)) return
      const sharing = await this.#readSharing(call)
      const stat = await this.#store.put(path, source, {
        ...call,
        temporary: transferDirectory(this.stored.directory, this.#settings.annexUuid),
        within: this.stored.directory,
        sharing,
      })
      this.#sweep(stat)
      if (await this.#asked(this.#finder.afterStoring(places, before, withoutProgress(call)))) return
    }
    throw this.#error('conflict', 'put', `key ${text} is removed again and again while it is stored`)
  }

  /**
   * Removes a key, and marks it as dropped where the archive may have it. Absent is success, when
   * it is proven.
   */
  async remove(text: string, call: CallOptions = {}): Promise<void> {
    await this.#requireWritable(call)
    if ((await this.layout(call)).appendOnly) throw appendOnlyError(this.#store, `remove ${text}`)
    const places = await this.#places(text, call)
    const mark = async () => {
      const sharing = await this.#readSharing(call)
      await writeTombstone(this.stored, keyFileName(text), { ...withoutProgress(call), sharing })
    }
    await this.#asked(this.#finder.remove(places, mark, call))
  }

  /** Where a key lies (or would), for people. */
  async describe(text: string): Promise<string> {
    const { loose } = await this.#places(text, {})
    return this.stored.where(loose[0])
  }

  /** `checkPresent` in plain cases, without waiting. Undefined proves nothing. */
  checkPresentAtOnce(text: string): boolean | undefined {
    const places = this.#finder.mayHaveArchive ? undefined : this.#placesAtOnce(text)
    return places && this.#atOnce.isPresent(places)
  }

  /** `retrieve` of a small key in plain cases, without waiting. False: it is still to be done. */
  retrieveAtOnce(text: string, file: string): boolean {
    const places = this.#placesAtOnce(text)
    return places !== undefined && this.#atOnce.retrieve(places, file, this.#settings.verify ?? false)
  }

  /**
   * `store` of a small local file in plain cases, without waiting; a promise where a slow disk has
   * yet to flush. Undefined: it is still to be done.
   */
  storeAtOnce(text: string, file: string): Stat | Promise<Stat> | undefined {
    const places = this.#mayChangeAtOnce ? this.#placesAtOnce(text) : undefined
    const known = this.#knownSharing // it is, after the first
    const content = places && known && readSmallFile(toFsPath(file))
    if (places === undefined || known === undefined || content === undefined) return undefined
    const temporary = transferDirectory(this.stored.directory, this.#settings.annexUuid)
    return this.#atOnce.store(places, content, { temporary, sharing: known.sharing })
  }

  /** `remove` in plain cases, without waiting. False: something is still to be done. */
  removeAtOnce(text: string): boolean {
    const places = this.#mayChangeAtOnce ? this.#placesAtOnce(text) : undefined
    return places !== undefined && this.#atOnce.remove(places)
  }

  /**
   * Tells the store of an error, if it asked for that (layout flag `l`). Never fails: the error
   * itself is told elsewhere.
   */
  async logError(line: string): Promise<void> {
    try {
      const layout = await this.#layout
      if (!layout?.logErrors || this.#settings.ignoreFlags || !this.#store.traits.writable) return
      const { id, annexUuid } = this.#settings
      await writeErrorLog(this.#store, id, annexUuid, line)
    } catch {}
  }

  /** Ends what reading archives has open. Never rejects. */
  close(): Promise<void> {
    return this.#archive.close()
  }

  async #readLayout(call: CallOptions): Promise<Layout> {
    const [layout] = await Promise.all([readLayout(this.stored, call), this.#finder.lookForArchive(call)])
    this.#notices = layout.notices
    this.#known = layout
    return layout
  }

  #forgetLayout(): void {
    this.#layout = undefined
    this.#known = undefined
  }

  get #handsOverDamaged(): boolean {
    return this.#settings.handsOverDamaged === true && this.#store.traits.writable
  }

  #find(places: KeyPlaces, call: FindOptions): Promise<Copy | undefined> {
    return this.#asked(this.#finder.find(places, call))
  }

  /**
   * When the dataset is found not to be there, nobody knows that it is the same when it is back.
   */
  #asked<T>(answer: Promise<T>): Promise<T> {
    return answer.catch((error: unknown) => {
      if (isStoreError(error, 'missing')) this.#forgetLayout()
      throw error
    })
  }

  async #places(text: string, call: CallOptions): Promise<KeyPlaces> {
    return this.#placesIn(await this.layout(call), text)
  }

  /** Undefined for what is no key, and while the layout is not known. */
  #placesAtOnce(text: string): KeyPlaces | undefined {
    try {
      return this.#known && this.#placesIn(this.#known, text)
    } catch {
      return undefined
    }
  }

  #placesIn({ dataset: { version } }: Layout, text: string): KeyPlaces {
    const last = this.#lastPlaces // git-annex asks for a key, and then stores or removes it
    if (last?.places.key.text === text && last.version === version) return last.places
    const places = { key: parseKey(text), loose: keyPaths(this.stored.directory, version, text) }
    this.#lastPlaces = { version, places }
    return places
  }

  get #mayChangeAtOnce(): boolean {
    const { traits } = this.#store
    if (this.#known === undefined || this.#known.appendOnly || !traits.writable || traits.flat) return false
    return !this.#finder.mayHaveArchive && (this.#known.readOnly === undefined || this.#settings.forceWrite === true)
  }

  async #requireWritable(call: CallOptions): Promise<void> {
    if (!this.#store.traits.writable) throw this.#error('unsupported', 'put', 'the store can only be read by this URL')
    const { readOnly } = await this.layout(call)
    if (readOnly === undefined || this.#settings.forceWrite) return
    throw this.#error(
      'denied',
      'put',
      `treated as read-only: ${readOnly}; remote.<name>.ora-force-write=true overrules this`,
    )
  }

  /** Only what is damaged, or was dropped before, is stored once more. */
  async #requireNew(places: KeyPlaces, call: CallOptions): Promise<void> {
    const isThere = this.#find(places, withoutProgress(call)).catch((error: unknown) => {
      if (!isStoreError(error, 'corrupt')) throw error
      return undefined
    })
    if ((await isThere) !== undefined) throw appendOnlyError(this.#store, `store ${places.key.text} again`)
  }

  #readSharing(call: CallOptions): Promise<Sharing | undefined> {
    this.#sharing ??= this.#readSharingAnew(call).catch((error: unknown) => {
      this.#sharing = undefined
      throw error
    })
    return this.#sharing
  }

  async #readSharingAnew(call: CallOptions): Promise<Sharing | undefined> {
    const sharing = await readSharing(this.stored, call)
    this.#knownSharing = { sharing }
    return sharing
  }

  /**
   * Once, after an upload: removes what dead uploads of any client left. In the background, and not
   * worth an error.
   */
  #sweep({ mtimeMs: now }: Stat): void {
    if (this.#swept || now === undefined) return
    this.#swept = true
    const sweep = async () => {
      for await (const { path, mtimeMs } of this.#store.list(
        transferDirectory(this.stored.directory, this.#settings.annexUuid),
      )) {
        const isOurs = isTemporaryName(path.slice(path.lastIndexOf('/') + 1))
        if (isOurs && mtimeMs !== undefined && now - mtimeMs > DEAD_UPLOAD_MS) await this.#store.remove(path)
      }
    }
    sweep().catch(() => {})
  }

  #error(kind: StoreError['kind'], op: string, message: string): StoreError {
    return this.stored.error(kind, op, message)
  }
}

/** For what is done besides a transfer: its progress is not the key's. */
function withoutProgress({ signal }: CallOptions): CallOptions {
  return { signal }
}
