import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporaryName, temporaryName } from '../../store/temporary.ts'
import type { ArchiveId } from './archive-id.ts'
import { FileStorage } from './index-storage.ts'
import { MemberIndex } from './member-index.ts'
import { IndexDamaged } from './page-file.ts'

export interface IndexCacheSettings {
  /** Made when it is missing, for nobody else to look into. */
  readonly directory: string
  /** What all indices together may take; the ones not used for longest go first. */
  readonly maxBytes: number
}

/** A file that was made but never named has been left behind by a dead process after so long. */
const DEAD_FILE_MS = 24 * 60 * 60 * 1000

/** The time of an index's last use need not be known better than this. */
const TOUCH_MS = 60 * 1000

const NAME = /^([0-9a-f]{40})-([0-9a-f]{40})\.index$/

/**
 * Indices of archives, kept from process to process in a directory, one file each,
 * `<location>-<digest>.index`. Many processes may use it at once: a file is written under a
 * temporary name and renamed, and one that is removed is still readable for those that have it
 * open.
 */
export class IndexCache {
  readonly #settings: IndexCacheSettings

  constructor(settings: IndexCacheSettings) {
    this.#settings = settings
  }

  /**
   * The index of an archive, or undefined when there is none that can be used. A damaged one is
   * removed. Never rejects.
   */
  async open(id: ArchiveId): Promise<MemberIndex | undefined> {
    const file = this.#file(id)
    let storage: FileStorage | undefined
    try {
      storage = await FileStorage.open(file)
      const { uid, mtimeMs } = await storage.stat()
      if (uid !== (process.getuid?.() ?? uid)) throw new IndexDamaged('it is of another user')
      const index = await MemberIndex.open(storage, id.digest)
      if (Date.now() - mtimeMs > TOUCH_MS) await touch(file)
      return index
    } catch (error) {
      await storage?.close()
      if (error instanceof IndexDamaged) await this.discard(id)
      return undefined
    }
  }

  /** Begins a new index. Rejects with node's error when the directory cannot be written. */
  async create(id: ArchiveId): Promise<NewIndexFile> {
    const { directory } = this.#settings
    await fs.mkdir(directory, { recursive: true, mode: 0o700 })
    const temporary = join(directory, temporaryName())
    const storage = await FileStorage.create(temporary)
    return {
      storage,
      keep: async () => {
        await fs.rename(temporary, this.#file(id))
        await this.#tidy(id).catch(() => {}) // the index is good; the next one that is written tidies
      },
      drop: () => removeQuietly(temporary),
    }
  }

  async discard(id: ArchiveId): Promise<void> {
    await removeQuietly(this.#file(id))
  }

  /** Removes the archive's older indices, what dead processes left, and what is too much. */
  async #tidy(id: ArchiveId): Promise<void> {
    const { directory, maxBytes } = this.#settings
    const kept: { file: string; size: number; mtimeMs: number }[] = []
    for (const name of await fs.readdir(directory)) {
      const file = join(directory, name)
      const [, location, digest] = NAME.exec(name) ?? []
      if (location === undefined && !isTemporaryName(name)) continue
      const stats = await fs.stat(file).catch(() => undefined)
      if (stats === undefined) continue
      const isOld = location === id.location && digest !== id.digest
      const isDead = location === undefined && Date.now() - stats.mtimeMs > DEAD_FILE_MS
      if (isOld || isDead) await removeQuietly(file)
      else if (location !== undefined) kept.push({ file, size: stats.size, mtimeMs: stats.mtimeMs })
    }
    kept.sort((a, b) => b.mtimeMs - a.mtimeMs)
    let bytes = 0
    for (const { file, size } of kept) {
      bytes += size
      if (bytes > maxBytes) await removeQuietly(file)
    }
  }

  #file({ location, digest }: ArchiveId): string {
    return join(this.#settings.directory, `${location}-${digest}.index`)
  }
}

/** An index that is being written. */
export interface NewIndexFile {
  readonly storage: FileStorage
  /** Gives it its name, for every process to use. The storage stays open. */
  keep(): Promise<void>
  /** Removes it. The storage stays open. */
  drop(): Promise<void>
}

async function touch(file: string): Promise<void> {
  const now = new Date()
  await fs.utimes(file, now, now).catch(() => {}) // only the order of eviction suffers
}

/** Another user's file, a read-only disk: it is not used, and that is enough. */
async function removeQuietly(file: string): Promise<void> {
  await fs.unlink(file).catch(() => {})
}
