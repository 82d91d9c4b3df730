import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ArchiveWriter } from '../../archive/write/write-archive.ts'
import { StoreError } from '../../core/errors.ts'
import { keyFileName, parseKey } from '../../core/key.ts'
import type { Time } from '../../core/moment.ts'
import { fileSource } from '../../core/source.ts'
import { ShortTexts } from '../../core/tables/short-texts.ts'
import { makeWorkDirectory, removeWorkDirectory } from '../../core/work-directory.ts'
import type { GivenKeys } from '../../ria/keys/given-keys.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, fileNameOf, placesOf } from '../../ria/layout/places.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import { checkMembers } from './check-members.ts'
import { reasonNotToPack } from './loose.ts'
import { DIRECTORIES_LENGTH, hashDirectoriesOf } from './loose-table.ts'
import { checkFree, localError, memberBytes, requireFree } from './space.ts'

/** So many small keys are read in a row before others have their turn. */
const KEYS_A_TURN = 100

export interface PackOptions extends CallOptions {
  /** The dataset's layout version. */
  readonly version: string
  /** The archive has the key, and will keep it. */
  readonly onPacked: (number: number) => void
  /** Default: the real one. */
  readonly time?: Time | undefined
  /** Where the archive is made. Default: the system's directory for temporary files. */
  readonly temporaryDirectory?: string | undefined
}

/**
 * Makes the first archive of a dataset, of keys from elsewhere that never lie loose in it. As
 * compaction does it: under the lock, every key read back from the store before anybody sees the
 * archive. There is no object in memory for a key. What is not the key's content, what has a name
 * that 7-Zip cannot write, or the mark of a dropped key is left out. False, and nothing is done,
 * when the dataset has an archive already. Throws StoreError.
 */
export async function packNew(given: StoredDataset, keys: GivenKeys, options: PackOptions): Promise<boolean> {
  const dataset = given.through(withStrictLinks)
  const call = { signal: options.signal }
  const [archive, sharing] = await Promise.all([
    dataset.store.stat(archivePath(dataset.directory), call),
    readSharing(dataset, call),
  ])
  if (archive !== undefined) return false
  // Meanwhile the archive is made. What has to be true when it gets its place is looked at then.
  const held = { ...call, sharing, time: options.time, settlesLater: true }
  return withLock(dataset, held, (lock, signal) =>
    new NewArchive(dataset, keys, sharing, lock, { ...options, signal }).make(),
  )
}

class NewArchive {
  readonly #dataset: StoredDataset
  readonly #keys: GivenKeys
  readonly #sharing: Sharing | undefined
  readonly #options: PackOptions
  readonly #call: CallOptions
  readonly #changes: Changes
  /** Where the new archive lies in the store until it is known to be good. */
  readonly #path: string
  /** By member: the number of its key. */
  readonly #numbers: Uint32Array
  readonly #places: Places

  constructor(dataset: StoredDataset, keys: GivenKeys, sharing: Sharing | undefined, lock: Lock, options: PackOptions) {
    this.#dataset = dataset
    this.#keys = keys
    this.#sharing = sharing
    this.#options = options
    this.#call = { signal: options.signal }
    this.#changes = new Changes(dataset, lock, { sharing, signal: options.signal })
    this.#path = `${archivesDirectory(dataset.directory)}/${temporaryName()}`
    this.#numbers = new Uint32Array(keys.limit)
    this.#places = new Places(keys, options.version)
  }

  async make(): Promise<boolean> {
    const { store, directory } = this.#dataset
    const { temporaryDirectory } = this.#options
    const [archive, dropped] = await Promise.all([
      store.stat(archivePath(directory), this.#call),
      listTombstones(this.#dataset, this.#call),
      removeLeftovers(this.#dataset, this.#changes, { ...this.#call, temporaryDirectory }),
    ])
    if (archive !== undefined) return false // made just before we got the lock
    const local = await makeWorkDirectory(temporaryDirectory ?? tmpdir())
    try {
      const file = join(local, 'archive.7z')
      await this.#requireSpace(local)
      const count = await this.#write(file, dropped)
      if (count === 0) return true
      await store.put(this.#path, await fileSource(file), {
        ...this.#call,
        within: directory,
        sharing: this.#sharing,
      })
      await this.#swap(count)
      return true
    } finally {
      await store.remove(this.#path).catch(() => {})
      await removeWorkDirectory(local).catch(() => {})
    }
  }

  async #requireSpace(local: string): Promise<void> {
    let bytes = 0
    for (const number of this.#keys.numbers()) bytes += memberBytes(this.#keys.size(number), this.#places.of(number))
    const { bavail, bsize } = await statfs(local)
    checkFree(bavail * bsize, bytes, local)
    await requireFree(this.#dataset.store, archivesDirectory(this.#dataset.directory), bytes, this.#call)
  }

  /** Writes the archive here. Returns how many members it has. */
  async #write(file: string, dropped: ReadonlySet<string>): Promise<number> {
    const { signal } = this.#options
    let sinceTurn = 0
    const writer = new ArchiveWriter(file, this.#numbers.length)
    try {
      for (const number of this.#keys.numbers()) {
        if (++sinceTurn % KEYS_A_TURN === 0) await nextTurn() // the lock, and signals
        signal?.throwIfAborted()
        if (!this.#isWanted(number, dropped)) continue
        try {
          const content = this.#keys.read(number, signal)
          if (content instanceof Uint8Array) writer.addWhole(content)
          else await writer.add(content)
        } catch (error) {
          // Told of when it is stored by itself.
          if (!(error instanceof StoreError) || error.kind === 'aborted') throw error
          continue
        }
        this.#numbers[writer.count - 1] = number
      }
      await writer.finish((member) => this.#name(member))
      return writer.count
    } catch (error) {
      writer.abandon()
      throw localError(error, file)
    }
  }

  #isWanted(number: number, dropped: ReadonlySet<string>): boolean {
    const place = this.#places.of(number)
    if (dropped.size > 0 && dropped.has(fileNameOf(place))) return false
    return reasonNotToPack(parseKey(this.#keys.text(number)), place) === undefined
  }

  /** Reads all back from the store, and puts the archive in its place. */
  async #swap(count: number): Promise<void> {
    const { store } = this.#dataset
    const stat = await store.stat(this.#path, this.#call)
    const expected = {
      count,
      name: (member: number) => this.#name(member),
      key: (member: number) => this.#keys.text(this.#numbers[member] as number),
    }
    await checkMembers(this.#dataset, this.#path, stat, expected, this.#call)
    if (stat === undefined) return
    await this.#changes.replaceArchive(this.#path, stat, undefined)
    // Who dropped a key meanwhile has seen our lock, and left its mark.
    const dropped = await listTombstones(this.#dataset, this.#call)
    for (const number of this.#numbers.subarray(0, count)) {
      if (dropped.size === 0 || !dropped.has(fileNameOf(this.#places.of(number)))) this.#options.onPacked(number)
    }
  }

  #name(member: number): string {
    return this.#places.of(this.#numbers[member] as number)
  }
}

/** Where keys lie in an archive. Their hash directories are computed once. */
class Places {
  readonly #keys: GivenKeys
  readonly #version: string
  readonly #directories: ShortTexts

  constructor(keys: GivenKeys, version: string) {
    this.#keys = keys
    this.#version = version
    this.#directories = new ShortTexts(DIRECTORIES_LENGTH, keys.limit)
  }

  /** `<h1>/<h2>/<key>/<key>` */
  of(number: number): string {
    const text = this.#keys.text(number)
    let directories = this.#directories.get(number)
    if (directories === '') {
      const [place = ''] = placesOf(text, this.#version)
      directories = hashDirectoriesOf(place)
      this.#directories.set(number, directories)
    }
    const name = keyFileName(text)
    return `${directories}/${name}/${name}`
  }
}
