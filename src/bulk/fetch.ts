import { existsSync } from 'node:fs'
import type { Bandwidth } from '../core/bandwidth.ts'
import { checksumOf } from '../core/checksum.ts'
import { isStoreError, StoreError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import type { Bytes } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { type Copy, looseCopy } from '../ria/keys/copy.ts'
import { retrieveToFile } from '../ria/keys/retrieve.ts'
import { keyPaths } from '../ria/layout/paths.ts'
import type { AnnexPartials } from './clone/annex-partials.ts'
import { type CheckedKey, damaged, SMALL_BYTES, takeSmall, writeChecked, writeNew } from './clone/content.ts'
import type { DiskSpace } from './clone/disk-space.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import type { OpenRemote } from './open-remote.ts'
import type { DirectReads } from './small/direct-reads.ts'

export interface FetchOptions {
  readonly remote: OpenRemote
  readonly work: WorkDirectory
  readonly partials: AnnexPartials
  readonly space: DiskSpace
  readonly bandwidth: Bandwidth
  readonly signal: AbortSignal | undefined
  /** Bytes that came just now. */
  readonly onBytes: (bytes: number) => void
}

/** A key that can be checked; undefined for one of another kind. */
export function checkedKey(text: string): CheckedKey | undefined {
  const key = parseKey(text)
  const checksum = checksumOf(key)
  return checksum === undefined || key.size === undefined ? undefined : { key, size: key.size, checksum }
}

/** Brings keys of one remote into the work directory, each checked against its checksum. */
export class Fetch {
  readonly #options: FetchOptions
  readonly #direct: DirectReads | undefined

  /** `direct`: how small keys are read, where that is possible. */
  constructor(options: FetchOptions, direct: DirectReads | undefined) {
    this.#options = options
    this.#direct = direct
  }

  /**
   * Brings a key: from where it lies loose, if it does, else from wherever the dataset has it.
   * Throws StoreError: `missing` when the remote proved that it does not have it, `corrupt` when no
   * copy is good, `full` when it finds no place.
   */
  async fetch(checked: CheckedKey): Promise<void> {
    await this.#inSpace(checked.size, async () => {
      const { remote } = this.#options
      for (const path of keyPaths(remote.directory, remote.layout.dataset.version, checked.key.text)) {
        try {
          return await this.#receive(looseCopy(remote.store, path, checked.key.size), checked)
        } catch (error) {
          if (!isStoreError(error, 'missing', 'corrupt', 'conflict')) throw error
        }
      }
      await this.#retrieve(checked)
    })
  }

  /**
   * Brings a key from a copy that was found. When it is not there any more, or not good, as `fetch`
   * does.
   */
  async fetchCopy(copy: Copy, checked: CheckedKey): Promise<void> {
    await this.#inSpace(checked.size, async () => {
      try {
        await this.#receive(copy, checked)
      } catch (error) {
        if (!isStoreError(error, 'missing', 'corrupt', 'conflict')) throw error
        await this.#retrieve(checked)
      }
    })
  }

  /** Brings a key from this copy and no other. Throws what it throws, and `full`. */
  async receive(copy: Copy, checked: CheckedKey): Promise<void> {
    await this.#inSpace(checked.size, () => this.#receive(copy, checked))
  }

  /** Keeps content that came with others. Throws StoreError `corrupt` when it is not the key's. */
  async keep(checked: CheckedKey, content: Uint8Array, where: string): Promise<void> {
    await this.#inSpace(checked.size, () => {
      this.#options.onBytes(content.length)
      return writeChecked(checked, content, this.#options.work.keyFile(checked.key.text), where)
    })
  }

  /** Whether small loose keys can be brought without asking the store for each. */
  get isDirect(): boolean {
    return this.#direct !== undefined && this.isUnlimited
  }

  /** Whether there is no limit to the bytes in a second, which is kept by `fetch` alone. */
  get isUnlimited(): boolean {
    return !this.#options.bandwidth.isLimited
  }

  /** Brings a small loose key. False: `fetch` has to do it, or says why it cannot. */
  fetchDirectly(checked: CheckedKey): boolean {
    const content = this.#direct?.read(checked)
    return content !== undefined && this.#write(checked, content)
  }

  /** Keeps the content of a small key, if it is that. False as for `fetchDirectly`. */
  take(checked: CheckedKey, content: Uint8Array): boolean {
    const isRight = content.length === checked.size && checked.checksum.matches(content) === true
    return isRight && this.#write(checked, content)
  }

  #write(checked: CheckedKey, content: Uint8Array): boolean {
    const { work, space, onBytes } = this.#options
    if (!space.take(checked.size)) return false
    try {
      writeNew(content, work.keyFile(checked.key.text))
      onBytes(content.length)
      return true
    } catch {
      return false
    } finally {
      space.done(checked.size)
    }
  }

  /**
   * The long way, for one key: it proves an absence, follows a key that is moved, and goes on where
   * an earlier download ended.
   */
  async #retrieve({ key }: CheckedKey): Promise<void> {
    const { remote, work, signal, onBytes } = this.#options
    let before = 0
    const onProgress = (bytes: number) => {
      onBytes(Math.max(0, bytes - before))
      before = bytes
    }
    await remote.dataset.retrieve(key.text, work.keyFile(key.text), { signal, onProgress })
  }

  async #receive(copy: Copy, checked: CheckedKey): Promise<void> {
    const { work, signal, onBytes, bandwidth, partials } = this.#options
    const file = work.keyFile(checked.key.text)
    const passing = through(copy, async (bytes) => {
      if (bandwidth.isLimited) await bandwidth.pass(bytes, signal)
      onBytes(bytes)
    })
    const isLarge = checked.size > SMALL_BYTES
    if (work.takeLeftover(checked.key.text) || isLarge) {
      if (isLarge && !existsSync(toFsPath(file))) await partials.take(checked.key.text, file)
      return retrieveToFile(passing, checked.key, file, { verify: true, signal })
    }
    const consume = async (bytes: Bytes, content: { readonly size: number }) => {
      if (content.size !== checked.size) throw damaged(copy.where, checked.key)
      await takeSmall(bytes, checked, file, copy.where)
    }
    await passing.read(consume, { start: () => 0, signal })
  }

  async #inSpace(bytes: number, work: () => Promise<void>): Promise<void> {
    const { space, work: directory } = this.#options
    if (!space.take(bytes)) {
      const message = `not enough free space for ${bytes} bytes (annex.diskreserve)`
      throw new StoreError({ kind: 'full', op: 'get', where: directory.path, message })
    }
    try {
      await work()
    } finally {
      space.done(bytes)
    }
  }
}

/** A copy whose bytes pass by `pass` before they are consumed. */
function through(copy: Copy, pass: (bytes: number) => Promise<void>): Copy {
  const passing = async function* (bytes: Bytes): Bytes {
    for await (const chunk of bytes) {
      await pass(chunk.length)
      yield chunk
    }
  }
  return {
    where: copy.where,
    read: (consume, options) => copy.read((bytes, content) => consume(passing(bytes), content), options),
  }
}
