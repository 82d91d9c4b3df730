import { constants } from 'node:fs'
import { copyFile, link, unlink } from 'node:fs/promises'
import { addMembers, type Names, removeMembers } from '../../archive/seven-zip/seven-zip.ts'
import { StoreError } from '../../core/errors.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, fileNameOf, objectsDirectory } from '../../ria/layout/places.ts'
import type { LocalDirectory } from '../../store/local/directory.ts'
import { finishFile, openToWork } from '../../store/local/work.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Builder, BuildOptions, Work } from './builder.ts'
import { archiveMode } from './readers.ts'
import { newArchiveBytes, requireFree } from './space.ts'

const OP = 'archive'

/** Builds where the store lies on a disk of this machine. */
export class DiskBuilder implements Builder {
  readonly kind = 'disk'
  readonly missed = new Set<string>() // 7z does not tell
  readonly path: string
  readonly #work: Work
  /** Open from `build` to `discard`: nobody can put another in its place. */
  #archives: LocalDirectory | undefined

  constructor(work: Work) {
    this.#work = work
    this.path = work.temporary
  }

  async checkSpace(call: CallOptions = {}): Promise<void> {
    const { store, directory, drop, old } = this.#work
    // 7z writes a new file beside the one that it changes: taking out and adding make two.
    const twice = drop.size > 0 ? (old?.size ?? 0) : 0
    await requireFree(store, archivesDirectory(directory), newArchiveBytes(this.#work) + twice, call)
  }

  async build({ signal, onPart }: BuildOptions = {}): Promise<void> {
    const { directory, old, drop, add, level } = this.#work
    const archives = await this.#open(archivesDirectory(directory))
    this.#archives = archives
    if (old !== undefined) await this.#linkOld(archives)
    await this.remove(drop, { signal })
    if (add.count === 0) return
    const objects = await this.#open(objectsDirectory(directory))
    try {
      const settings = {
        archive: this.#file(archives),
        isOurs: old === undefined,
        directory: String(objects.self),
        names: add.places,
        level,
        signal,
        onProgress: ({ percent }: { readonly percent: number }) => onPart?.(percent / 100),
      }
      await inPlainWords(archives, () => addMembers(settings))
    } finally {
      await objects.close()
    }
  }

  async remove(members: Names, { signal }: CallOptions = {}): Promise<void> {
    const isOurs = this.#work.old === undefined
    const settings = { archive: this.#file(this.#opened), isOurs, names: members, signal }
    await inPlainWords(this.#opened, () => removeMembers(settings))
  }

  async finish(): Promise<void> {
    const { permissions, sharing } = this.#work
    const wanted = permissions && { ...permissions, mode: archiveMode(permissions, sharing) }
    await finishFile(this.#opened, fileNameOf(this.path), OP, wanted)
  }

  async discard(): Promise<void> {
    const archives = this.#archives
    if (archives === undefined) return
    this.#archives = undefined
    await unlink(archives.at(fileNameOf(this.path))).catch(() => {})
    await archives.close()
  }

  /**
   * A second name for the old archive: 7z leaves the file itself alone when it changes it. A file
   * system without such names gets a copy.
   */
  async #linkOld(archives: LocalDirectory): Promise<void> {
    const [from, to] = [archivePath(this.#work.directory), this.path].map((path) => archives.at(fileNameOf(path)))
    if (from === undefined || to === undefined) return
    try {
      await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE))
    } catch (error) {
      const where = archives.where(fileNameOf(this.path))
      throw new StoreError({ kind: 'denied', op: OP, where, message: String(error), cause: error })
    }
  }

  get #opened(): LocalDirectory {
    if (this.#archives === undefined) throw new Error('nothing was built yet')
    return this.#archives
  }

  #open(path: string): Promise<LocalDirectory> {
    return openToWork(this.#work.store.traits.root, path, OP)
  }

  /** For 7z. */
  #file(archives: LocalDirectory): string {
    return `${archives.selfForOthers}/${fileNameOf(this.path)}`
  }
}

/** 7z has the directory by another name, which says nothing to people. */
async function inPlainWords<T>(archives: LocalDirectory, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const plain = (text: string) => text.replaceAll(archives.selfForOthers, archives.path)
    const { kind, op, where, reason, sent, stalled } = error
    throw new StoreError({ kind, op, where: plain(where), message: plain(reason), sent, stalled, cause: error })
  }
}
