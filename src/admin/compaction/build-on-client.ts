import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { addMembers, type Names, needProgram, removeMembers } from '../../archive/seven-zip/seven-zip.ts'
import { StoreError } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { type Bytes, collect, fileSource } from '../../core/source.ts'
import { makeWorkDirectory, removeWorkDirectory } from '../../core/work-directory.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, objectsDirectory } from '../../ria/layout/places.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Builder, BuildOptions, Work } from './builder.ts'
import { readsAtOnce } from './plan.ts'
import { checkFree, localError, newArchiveBytes, requireFree } from './space.ts'

/**
 * Builds here, for a store on a server that runs no 7z: the keys and the old archive are brought
 * here, the new archive is sent back.
 */
export class ClientBuilder implements Builder {
  readonly kind = 'client'
  readonly missed = new Set<string>()
  readonly path: string
  readonly #work: Work
  readonly #parent: string
  #directory = ''

  constructor(work: Work, temporaryDirectory: string = tmpdir()) {
    this.#work = work
    this.path = work.temporary
    this.#parent = temporaryDirectory
  }

  async checkSpace(call: CallOptions = {}): Promise<void> {
    const { store, directory, old, add } = this.#work
    const size = newArchiveBytes(this.#work)
    await requireFree(store, archivesDirectory(directory), size, call)
    const { bavail, bsize } = await statfs(this.#parent)
    checkFree(bavail * bsize, size + add.bytes + (old?.size ?? 0), this.#parent)
  }

  async build({ signal, onPart }: BuildOptions = {}): Promise<void> {
    const { directory, old, drop, add, level } = this.#work
    const isOurs = old === undefined
    await needProgram('pack', { archive: `${this.#work.store.traits.root}/${archivePath(directory)}`, isOurs })
    const call = { signal }
    const local = await makeWorkDirectory(this.#parent)
    this.#directory = local
    const total = (old?.size ?? 0) + add.bytes
    let loaded = 0
    const load = async (path: string, file: string, identity: string) => {
      const isThere = await this.#load(path, file, identity, call)
      if (isThere) loaded += (await fileSource(file)).size
      onPart?.((loaded / (total || 1)) * 0.6)
      return isThere
    }
    if (old !== undefined) await load(archivePath(directory), this.#archive, old.identity)
    await mkdir(join(local, 'objects'))
    await forEachParallel(add, readsAtOnce(this.#work.store), async ({ place, identity }) => {
      const file = join(local, 'objects', place)
      mkdirSync(dirname(file), { recursive: true })
      const isThere = await load(`${objectsDirectory(directory)}/${place}`, file, identity).catch(ignoreChanged)
      if (!isThere) this.missed.add(place)
    })
    await removeMembers({ archive: this.#archive, isOurs, names: drop, signal })
    await addMembers({
      archive: this.#archive,
      isOurs,
      directory: join(local, 'objects'),
      names: add.places,
      level,
      signal,
    })
    await removeByParts(join(local, 'objects'))
    await this.#send(call, (part) => onPart?.(0.6 + part * 0.4))
  }

  async remove(members: Names, call: CallOptions = {}): Promise<void> {
    const isOurs = this.#work.old === undefined
    await removeMembers({ archive: this.#archive, isOurs, names: members, signal: call.signal })
    await this.#send(call)
  }

  async finish(): Promise<void> {} // put has flushed it and given it its mode

  async discard(): Promise<void> {
    await this.#work.store.remove(this.path).catch(() => {})
    if (this.#directory !== '') await removeWorkDirectory(this.#directory).catch(() => {})
  }

  get #archive(): string {
    return join(this.#directory, 'archive.7z')
  }

  /** False when the file is not there any more. */
  async #load(path: string, file: string, identity: string, { signal }: CallOptions): Promise<boolean> {
    try {
      await this.#work.store.get(path, (bytes, { size }) => writeLoaded(file, bytes, size), {
        ifMatch: identity,
        signal,
      })
      return true
    } catch (error) {
      if (!(error instanceof StoreError)) throw localError(error, file)
      if (error.kind !== 'missing') throw error
      await rm(file, { force: true })
      return false
    }
  }

  async #send(call: CallOptions, onPart: (part: number) => void = () => {}): Promise<void> {
    const { store, directory, sharing, permissions } = this.#work
    const source = await fileSource(this.#archive)
    await store.put(this.path, source, {
      ...call,
      within: directory,
      sharing,
      readers: permissions?.mode,
      onProgress: (bytes) => onPart(bytes / (source.size || 1)),
    })
  }
}

/**
 * Removes a directory, one of those in it after the other: node keeps objects for all files of what
 * it removes at once, which were 200 MB for 30,000 keys.
 */
async function removeByParts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true })
  await rm(directory, { recursive: true, force: true })
}

/** Up to so many bytes are written with one call, which costs a tenth of a stream. */
const SMALL_BYTES = 256 * 1024

async function writeLoaded(file: string, bytes: Bytes, size: number): Promise<void> {
  if (size > SMALL_BYTES) return pipeline(copied(bytes), createWriteStream(file))
  writeFileSync(file, await collect(bytes, size))
}

/** A chunk is ours only until the next one is asked for, and a file is written later. */
async function* copied(bytes: Bytes): Bytes {
  for await (const chunk of bytes) yield Buffer.from(chunk)
}

/** A key that was replaced while it was loaded stays loose. */
function ignoreChanged(error: unknown): false {
  if (!(error instanceof StoreError) || error.kind !== 'conflict') throw error
  return false
}
