import type { Archive, Member } from '../../archive/archive.ts'
import { ConfigError, messageOf, StoreError } from '../../core/errors.ts'
import type { Time } from '../../core/moment.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { canBePlaced, keyOfMember, memberFileName } from '../../ria/keys/member-names.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, objectsDirectory, placesOf, tombstonePath } from '../../ria/layout/places.ts'
import { readLayout, readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes, type Needed } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import { isLooseGood } from './content.ts'
import { type LooseKeys, listLoose } from './loose.ts'
import { memberSource } from './member-source.ts'
import { readsAtOnce } from './plan.ts'
import { archivePermissions } from './readers.ts'
import { requireFree } from './space.ts'
import { type Usage, usageOf } from './usage.ts'
import { writeCopy } from './write-copy.ts'

export interface UnarchiveOptions {
  readonly signal?: AbortSignal | undefined
  readonly breakLock?: boolean | undefined
  /** Default: the real one. */
  readonly time?: Time | undefined
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
  /** Called, and awaited, when a phase begins. */
  readonly onPhase?: ((phase: UnarchivePhase) => void | Promise<void>) | undefined
}

/** `removing`: of the archive, once every key is loose. */
export type UnarchivePhase = 'looking' | 'unpacking' | 'removing'

export interface UnarchiveReport {
  readonly directory: string
  readonly dryRun: boolean
  /** Keys that are loose now and were not. */
  readonly unpacked: { readonly keys: number; readonly bytes: number }
  /** Members that were dropped, and went with the archive. */
  readonly dropped: number
  /** What kept the archive from being removed; one line each. */
  readonly problems: readonly string[]
  readonly before: Usage
  readonly after: Usage
}

/**
 * Makes every key of a dataset's archive loose again and removes the archive; the inverse of
 * `compact`, under the same lock, and as safe. An archive of which one member cannot be unpacked
 * stays. Undefined when there is none.
 */
export async function unarchive(
  given: StoredDataset,
  options: UnarchiveOptions = {},
): Promise<UnarchiveReport | undefined> {
  const dataset = given.through(withStrictLinks)
  const { store } = dataset
  const call = options.signal ? { signal: options.signal } : {}
  const layout = await readLayout(dataset, call)
  if (!store.traits.writable) throw new ConfigError(`${store.traits.root} can only be read by this URL`)
  if (layout.readOnly !== undefined) throw new ConfigError(`treated as read-only: ${layout.readOnly}`)
  const isThere = (await store.stat(archivePath(dataset.directory), call)) !== undefined
  // A run that was killed when it had just removed the archive left its lock.
  if (!isThere && (options.dryRun || !(await hasFiles(store, archivesDirectory(dataset.directory), call))))
    return undefined
  const version = layout.dataset.version
  if (options.dryRun) return new Unarchiving(dataset, version, undefined, undefined, options).run()
  const sharing = await readSharing(dataset, call)
  return withLock(dataset, { ...call, sharing, breakLock: options.breakLock, time: options.time }, (lock, signal) =>
    new Unarchiving(dataset, version, sharing, lock, { ...options, signal }).run(),
  )
}

async function hasFiles(store: Store, directory: string, call: CallOptions): Promise<boolean> {
  for await (const _entry of store.list(directory, call)) return true
  return false
}

interface Wanted {
  readonly member: Member
  readonly key: string
  readonly fileName: string
  /** In the store. */
  readonly path: string
}

/**
 * So often all keys are looked at before the archive is removed. One look is enough unless a key
 * was taken back.
 */
const MOST_PASSES = 100

function amountOf(wanted: readonly Wanted[]): { readonly keys: number; readonly bytes: number } {
  return { keys: wanted.length, bytes: wanted.reduce((sum, { member }) => sum + member.size, 0) }
}

class Unarchiving {
  readonly #dataset: StoredDataset
  readonly #version: string
  readonly #sharing: Sharing | undefined
  /** Undefined when nothing is to be changed. */
  readonly #changes: Changes | undefined
  readonly #lock: Lock | undefined
  readonly #options: UnarchiveOptions
  readonly #call: CallOptions
  readonly #problems: string[] = []
  /** Mode of the archive: nobody else shall read what was in it. */
  #readers: number | undefined
  /** Identity of each loose copy that we wrote, by file name. */
  readonly #written = new Map<string, string>()
  /** File names of keys whose loose copy is to be replaced. */
  readonly #damaged = new Set<string>()
  /** Those of them that nobody can take for another copy. */
  readonly #recognized = new Set<string>()
  /** Our copies get it where a time can be set: nobody stores in a second that is over. ms. */
  #timeOfCopies: number | undefined
  /** Bytes of those, by place below annex/objects. */
  readonly #added = new Map<string, number>()
  /** Something that lay loose was replaced or removed. */
  #replaces = false
  /** So many of those were removed again in this pass. */
  #takenBack = 0

  constructor(
    dataset: StoredDataset,
    version: string,
    sharing: Sharing | undefined,
    lock: Lock | undefined,
    options: UnarchiveOptions,
  ) {
    this.#dataset = dataset
    this.#version = version
    this.#sharing = sharing
    this.#options = options
    this.#call = options.signal ? { signal: options.signal } : {}
    this.#lock = lock
    this.#changes = lock && new Changes(dataset, lock, { ...this.#call, sharing })
  }

  async run(): Promise<UnarchiveReport | undefined> {
    const [dataset, call] = [this.#dataset, this.#call]
    const { store, directory } = dataset
    const changes = this.#changes
    if (changes) await removeLeftovers(dataset, changes, call)
    const stat = await store.stat(archivePath(directory), call)
    if (stat === undefined) {
      if (changes) await this.#removeTombstones(changes, await listTombstones(dataset, call))
      return undefined
    }
    this.#readers = (await archivePermissions(dataset, call))?.mode
    this.#timeOfCopies = this.#timeBeforeLock(stat)
    return withArchive(dataset, { ...call, stat }, (archive) => this.#unarchive(archive))
  }

  async #unarchive(archive: Archive): Promise<UnarchiveReport> {
    const [dataset, call] = [this.#dataset, this.#call]
    const { store, directory } = dataset
    const changes = this.#changes
    const loose = await this.#listLoose()
    const before = await usageOf(dataset, loose.usage, archive.stat, archive.count, call)
    const dropped = await listTombstones(dataset, call)
    const { wanted, droppedMembers } = await this.#select(archive, dropped)
    await this.#options.onPhase?.('looking')
    const missing = await this.#findMissing(wanted)
    const report = { directory, dropped: droppedMembers, problems: this.#problems, before }
    const all = amountOf(missing)
    if (changes === undefined) return { ...report, unpacked: all, dryRun: true, after: before }
    await requireFree(store, objectsDirectory(directory), all.bytes, call)
    await this.#options.onPhase?.('unpacking')
    await this.#unpack(archive, missing)
    const unpacked = amountOf(missing.filter(({ fileName }) => this.#written.has(fileName)))
    const isRemoved = this.#problems.length === 0 && (await this.#removeArchive(changes, archive, wanted))
    const left = isRemoved ? undefined : archive
    // What others did meanwhile is not in it: it tells what this run did.
    const now = this.#replaces ? (await this.#listLoose()).usage : loose.with(this.#added)
    const after = await usageOf(dataset, now, left?.stat, left?.count ?? 0, call)
    return { ...report, unpacked, dryRun: false, after }
  }

  /**
   * The time of the archive. Undefined where copies are told apart without, or are removed without
   * being put aside for a last look (holder.ts), or where that second is not over.
   */
  #timeBeforeLock({ mtimeMs }: Stat): number | undefined {
    const { local } = this.#dataset.store.traits
    const lock = this.#lock
    if (local || lock?.holder.isFence !== true || mtimeMs === undefined) return undefined
    const isOver = lock.stat.mtimeMs !== undefined && seconds(mtimeMs) < seconds(lock.stat.mtimeMs)
    return isOver ? mtimeMs : undefined
  }

  #listLoose(): Promise<LooseKeys> {
    const options = { ...this.#call, version: this.#version, filter: {}, dropped: new Set<string>(), now: 0 }
    return listLoose(this.#dataset, options)
  }

  async #select(archive: Archive, dropped: ReadonlySet<string>): Promise<{ wanted: Wanted[]; droppedMembers: number }> {
    const wanted: Wanted[] = []
    let droppedMembers = 0
    for await (const member of archive.members(this.#call)) {
      const found = keyOfMember(member.name)
      if (dropped.has(memberFileName(member.name))) {
        droppedMembers += 1
      } else if (found === undefined || !canBePlaced(found)) {
        this.#problems.push(
          `${this.#where()}: the member ${member.name} cannot be known to be a key, so there is no place for it`,
        )
      } else {
        const [place] = placesOf(found.key, this.#version) // where ORA looks
        wanted.push({ ...found, member, path: `${objectsDirectory(this.#dataset.directory)}/${place}` })
      }
    }
    return { wanted, droppedMembers }
  }

  /**
   * Those without a good loose copy. A loose copy is read: when the archive is gone it is the only
   * one.
   */
  async #findMissing(wanted: readonly Wanted[]): Promise<Wanted[]> {
    const missing: Wanted[] = []
    await forEachParallel(wanted, readsAtOnce(this.#dataset.store), async (each) => {
      const { path, key } = each
      // Of a key without a checksum the loose copy is the newer one, whatever it holds.
      const loose = await this.#dataset.store.stat(path, this.#call)
      const facts = { size: loose?.size ?? 0, crc: undefined }
      const isGood = loose && (await isLooseGood(this.#dataset.store, path, key, facts, this.#call))?.good
      if (!isGood) missing.push(each)
      if (!loose || isGood) return
      this.#replaces = true
      this.#damaged.add(each.fileName)
    })
    return missing
  }

  async #unpack(archive: Archive, missing: readonly Wanted[]): Promise<void> {
    let done = 0
    await forEachParallel(missing, readsAtOnce(this.#dataset.store), async (each) => {
      await this.#unpackOne(archive, each)
      this.#options.onProgress?.({ done: ++done, total: missing.length })
    })
  }

  async #unpackOne(archive: Archive, { member, key, fileName, path }: Wanted): Promise<void> {
    const tombstone = tombstonePath(this.#dataset.directory, fileName)
    if (await this.#dataset.store.stat(tombstone, this.#call)) return
    try {
      const source = memberSource(this.#dataset.store, archive, member, key)
      const stat = await writeCopy(this.#dataset, path, source, {
        ...this.#call,
        sharing: this.#sharing,
        readers: this.#readers,
        mtimeMs: this.#timeOfCopies,
        replaces: this.#damaged.has(fileName),
      })
      if (stat === undefined) return
      this.#written.set(fileName, stat.identity)
      if (stat.mtimeMs !== undefined && stat.mtimeMs === this.#timeOfCopies) this.#recognized.add(fileName)
      this.#added.set(path.slice(objectsDirectory(this.#dataset.directory).length + 1), stat.size)
      if (await this.#dataset.store.stat(tombstone, this.#call)) await this.#takeBack(fileName, path, 'whichever')
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'corrupt') throw error
      this.#problems.push(messageOf(error))
    }
  }

  /**
   * Removes the loose copy of a key that was dropped while it was written, if it is certain not to
   * be somebody's new copy of the key. Over SFTP, where files are told apart by seconds, ours have
   * the time of the archive. In an object store it goes as long as the archive has the key: whoever
   * stored it has seen to it that there is no tombstone (key-finder.ts), so the key is in the
   * archive and will be made loose anew. Elsewhere it stays: a dropped key that is back does less
   * harm than one that is lost.
   */
  async #takeBack(fileName: string, path: string, needed: Needed): Promise<void> {
    const identity = this.#written.get(fileName)
    const { local, flat } = this.#dataset.store.traits
    const isSafe = local || this.#recognized.has(fileName) || (flat === true && needed === 'whichever')
    if (!isSafe || identity === undefined) return
    this.#replaces = true
    await this.#changes?.whileProven(needed, async (proven) => {
      const now = await this.#dataset.store.stat(path, this.#call)
      if (now?.identity !== identity) return
      this.#takenBack += 1
      await this.#changes?.removeCopies([{ path, identity }], proven)
    })
  }

  /**
   * Only when every key that was not dropped is loose. Tombstones go last: without them dropped
   * keys would be back. False when one could not be unpacked.
   */
  async #removeArchive(changes: Changes, archive: Archive, wanted: readonly Wanted[]): Promise<boolean> {
    const [dataset, call] = [this.#dataset, this.#call]
    for (let passes = 1; ; passes++) {
      this.#takenBack = 0
      const dropped = await listTombstones(dataset, call)
      await forEachParallel(wanted, readsAtOnce(dataset.store), async (each) => {
        const loose = dropped.has(each.fileName) || (await dataset.store.stat(each.path, call))
        if (!loose) await this.#unpackOne(archive, each)
      })
      if (this.#problems.length > 0) return false
      if (this.#takenBack === 0) break
      if (passes === MOST_PASSES) throw this.#conflict('keys are dropped and stored again and again; try again')
    }
    await this.#options.onPhase?.('removing')
    await changes.removeArchive(archive.stat.identity)
    const tombstones = await listTombstones(dataset, call)
    for (const { fileName, path } of wanted) {
      if (tombstones.has(fileName)) await this.#takeBack(fileName, path, { archive: undefined })
    }
    await this.#removeTombstones(changes, tombstones)
    return true
  }

  #removeTombstones(changes: Changes, fileNames: Iterable<string>): Promise<void> {
    const paths = [...fileNames].map((fileName) => tombstonePath(this.#dataset.directory, fileName))
    return changes.removeOwn(paths, { archive: undefined }, 1)
  }

  #conflict(message: string): StoreError {
    return this.#dataset.error('conflict', 'unarchive', message, { path: archivePath(this.#dataset.directory) })
  }

  #where(): string {
    return this.#dataset.where(archivePath(this.#dataset.directory))
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
