import { StoreError } from '../core/errors.ts'
import { type Key, parseKey } from '../core/key.ts'
import type { Source } from '../core/source.ts'
import type { CallOptions, Sharing, Stat, Store } from '../store/store.ts'
import { isTemporaryName } from '../store/temporary.ts'
import { archivePath, datasetDirectory, keyPaths, LAYOUT_FILE, transferDirectory } from './layout.ts'
import { type Layout, readLayout, readSharing } from './layout-state.ts'
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
}

/** An upload that has not moved for so long is dead: nobody goes on with it. */
const DEAD_UPLOAD_MS = 24 * 60 * 60 * 1000

/**
 * The keys of one dataset in a store. Every method rejects with StoreError (or ConfigError for a key that is none); only `checkPresent`
 * resolving with false means that a key is not there.
 */
export class RiaDataset {
  readonly #store: Store
  readonly #settings: DatasetSettings
  readonly directory: string
  #layout: Promise<Layout> | undefined
  #sharing: Promise<Sharing | undefined> | undefined
  #swept = false

  constructor(store: Store, settings: DatasetSettings) {
    this.#store = store
    this.#settings = settings
    this.directory = datasetDirectory(settings.id)
  }

  /** What the layout files say; read once, and again after a failure. */
  layout(call: CallOptions = {}): Promise<Layout> {
    this.#layout ??= readLayout(this.#store, this.directory, call).catch((error: unknown) => {
      this.#layout = undefined
      throw error
    })
    return this.#layout
  }

  /** Whether the dataset has a key. False is said only when the store proved it. */
  async checkPresent(text: string, call: CallOptions = {}): Promise<boolean> {
    const key = parseKey(text)
    const paths = await this.#paths(text, call)
    const proof = this.#proof()
    if (this.#store.traits.looksTogether) {
      const found = await this.#store.statAll([...paths, ...proof], call)
      if (this.#anyWhole(key, paths, found)) return true
      this.#checkProof(key, found.slice(paths.length))
      return false
    }
    const found: (Stat | undefined)[] = []
    for (const path of paths) {
      found.push(await this.#store.stat(path, call))
      if (this.#isWhole(key, found.at(-1))) return true
    }
    this.#anyWhole(key, paths, found)
    this.#checkProof(key, await this.#store.statAll(proof, call))
    return false
  }

  /** Downloads a key into a local file, going on where a partial one ends. Throws `missing` when it is proven absent. */
  async retrieve(text: string, file: string, call: CallOptions = {}): Promise<void> {
    const key = parseKey(text)
    let damaged: StoreError | undefined
    for (const path of await this.#paths(text, call)) {
      try {
        return await retrieveToFile(this.#store, path, key, file, { verify: this.#settings.verify ?? false, ...call })
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind !== 'missing') damaged ??= corruptOrThrow(error)
      }
    }
    if (damaged !== undefined) throw damaged
    await this.#proveAbsent(key, call)
    throw this.#error('missing', 'get', `key ${text} is not in the store`)
  }

  /** Uploads a key, replacing what is there: an encrypted key has other bytes each time, and a damaged copy shall go. */
  async store(text: string, source: Source, call: CallOptions = {}): Promise<void> {
    await this.#requireWritable(call)
    const [path] = await this.#paths(text, call)
    if (path === undefined) throw new Error('a key has at least one path')
    const sharing = await this.#readSharing(call)
    const stat = await this.#store.put(path, source, {
      ...call,
      temporary: transferDirectory(this.directory, this.#settings.annexUuid),
      within: this.directory,
      ...(sharing && { sharing }),
    })
    this.#sweep(stat)
  }

  /** Removes a key. Absent is success, when it is proven. */
  async remove(text: string, call: CallOptions = {}): Promise<void> {
    await this.#requireWritable(call)
    const key = parseKey(text)
    const removed = (await this.#paths(text, call)).map((path) =>
      this.#store.remove(path, { ...call, pruneParents: 2 }),
    )
    // After a removal, or if there was nothing to remove, the key has to be absent for the same reasons as ever.
    await Promise.all([...removed, this.#proveAbsent(key, call)])
  }

  /** Where a key lies (or would), for people. */
  async describe(text: string): Promise<string> {
    const [path] = await this.#paths(text, {})
    return `${this.#store.traits.root}/${path}`
  }

  /** Tells the store of an error, if it asked for that (layout flag `l`). Never fails: the error itself is told elsewhere. */
  async logError(line: string): Promise<void> {
    try {
      const layout = await this.#layout
      if (!layout?.logErrors || this.#settings.ignoreFlags || !this.#store.traits.writable) return
      const { id, annexUuid } = this.#settings
      await this.#store.append(
        `error_logs/${id}.${annexUuid}.log`,
        Buffer.from(`${new Date().toISOString()}: Error:\n${line}\n`),
      )
    } catch {}
  }

  async #paths(text: string, call: CallOptions): Promise<readonly string[]> {
    return keyPaths(this.directory, (await this.layout(call)).dataset.version, text)
  }

  #isWhole(key: Key, stat: Stat | undefined): boolean {
    return stat !== undefined && (key.size === undefined || key.size === stat.size)
  }

  /** Whether one of the files that were found at `paths` is the key. A copy of another length is neither there nor absent: `corrupt`. */
  #anyWhole(key: Key, paths: readonly string[], found: readonly (Stat | undefined)[]): boolean {
    for (const [i, path] of paths.entries()) {
      const stat = found[i]
      if (this.#isWhole(key, stat)) return true
      if (stat === undefined) continue
      const damaged = found.slice(i + 1, paths.length).every((other) => !this.#isWhole(key, other))
      const message = `the copy is damaged: it has ${stat.size} bytes, the key ${key.size}`
      if (damaged)
        throw new StoreError({ kind: 'corrupt', op: 'stat', where: `${this.#store.traits.root}/${path}`, message })
    }
    return false
  }

  /**
   * A loose key that was not found is absent only if the dataset is still there (a disk may be unmounted, a share gone) and
   * the key is in no archive.
   */
  async #proveAbsent(key: Key, call: CallOptions): Promise<void> {
    this.#checkProof(key, await this.#store.statAll(this.#proof(), call))
  }

  #proof(): readonly string[] {
    return [archivePath(this.directory), `${this.directory}/${LAYOUT_FILE}`]
  }

  #checkProof(key: Key, [archive, layout]: readonly (Stat | undefined)[]): void {
    if (layout === undefined) {
      this.#layout = undefined
      throw this.#error(
        'missing',
        'stat',
        `the dataset is not there any more: is the store mounted? (no ${LAYOUT_FILE})`,
      )
    }
    if (archive !== undefined) {
      throw this.#error(
        'unsupported',
        'stat',
        `key ${key.text} may be in archives/archive.7z, which this version cannot read`,
      )
    }
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

  #readSharing(call: CallOptions): Promise<Sharing | undefined> {
    this.#sharing ??= readSharing(this.#store, this.directory, call).catch((error: unknown) => {
      this.#sharing = undefined
      throw error
    })
    return this.#sharing
  }

  /** Once, after an upload: removes what dead uploads of any client left. In the background, and not worth an error. */
  #sweep({ mtimeMs: now }: Stat): void {
    if (this.#swept || now === undefined) return
    this.#swept = true
    const sweep = async () => {
      for await (const { path, mtimeMs } of this.#store.list(
        transferDirectory(this.directory, this.#settings.annexUuid),
      )) {
        const isOurs = isTemporaryName(path.slice(path.lastIndexOf('/') + 1))
        if (isOurs && mtimeMs !== undefined && now - mtimeMs > DEAD_UPLOAD_MS) await this.#store.remove(path)
      }
    }
    sweep().catch(() => {})
  }

  #error(kind: StoreError['kind'], op: string, message: string): StoreError {
    return new StoreError({ kind, op, where: `${this.#store.traits.root}/${this.directory}`, message })
  }
}

/** A damaged copy is a reason to look at the other place of the key; what else went wrong is not. */
function corruptOrThrow(error: unknown): StoreError {
  if (error instanceof StoreError && error.kind === 'corrupt') return error
  throw error
}
