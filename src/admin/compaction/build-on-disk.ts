import { constants } from 'node:fs'
import { chmod, copyFile, link, open, rm, stat } from 'node:fs/promises'
import { addMembers, removeMembers } from '../../archive/seven-zip/seven-zip.ts'
import { StoreError } from '../../core/errors.ts'
import { toFsPath } from '../../core/text.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, objectsDirectory } from '../../ria/layout/places.ts'
import { sharedFileMode } from '../../store/sharing.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Builder, BuildOptions, Work } from './builder.ts'
import { newArchiveBytes, requireFree } from './space.ts'

/** Builds where the store lies on a disk of this machine. */
export class DiskBuilder implements Builder {
  readonly kind = 'disk'
  readonly path: string
  readonly #work: Work

  constructor(work: Work) {
    this.#work = work
    this.path = work.temporary
  }

  async checkSpace(call: CallOptions = {}): Promise<void> {
    const { store, directory, drop, old } = this.#work
    // 7z writes a new file beside the one that it changes: taking out and adding make two.
    const twice = drop.length > 0 ? (old?.size ?? 0) : 0
    await requireFree(store, archivesDirectory(directory), newArchiveBytes(this.#work) + twice, call)
  }

  async build({ signal, onPart }: BuildOptions = {}): Promise<void> {
    const { directory, old, drop, add, level } = this.#work
    if (old !== undefined) await this.#linkOld()
    await this.remove(drop, { ...(signal && { signal }) })
    await addMembers({
      archive: this.#file(this.path),
      isOurs: old === undefined,
      directory: this.#file(objectsDirectory(directory)),
      names: add.map(({ place }) => place),
      level,
      signal,
      onProgress: ({ percent }) => onPart?.(percent / 100),
    })
  }

  async remove(members: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    const isOurs = this.#work.old === undefined
    await removeMembers({ archive: this.#file(this.path), isOurs, names: members, signal })
  }

  async finish(): Promise<void> {
    const file = toFsPath(this.#file(this.path))
    const { sharing } = this.#work
    if (sharing) await chmod(file, sharedFileMode((await stat(file)).mode, sharing) & 0o7777)
    const handle = await open(file, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async discard(): Promise<void> {
    await rm(toFsPath(this.#file(this.path)), { force: true }).catch(() => {})
  }

  /**
   * A second name for the old archive: 7z leaves the file itself alone when it changes it. A file
   * system without such names gets a copy.
   */
  async #linkOld(): Promise<void> {
    const [from, to] = [archivePath(this.#work.directory), this.path].map((path) => toFsPath(this.#file(path)))
    if (from === undefined || to === undefined) return
    try {
      await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE))
    } catch (error) {
      const where = this.#file(this.path)
      throw new StoreError({ kind: 'denied', op: 'archive', where, message: String(error), cause: error })
    }
  }

  #file(path: string): string {
    return `${this.#work.store.traits.root}/${path}`
  }
}
