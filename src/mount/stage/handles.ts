import type { FileHandle } from 'node:fs/promises'
import type { OpenWriters } from '../../core/process/open-writers.ts'
import type { Attributes, DirectoryEntry } from '../fuse/messages.ts'
import type { OpenFile } from '../tree.ts'

export interface OpenedFile {
  readonly node: number
  readonly file: FileHandle
  readonly writes: boolean
  /** What was read in its place before. */
  readonly before?: OpenFile
}

/** A key that is read. `attributes`: what was seen of the file when it was opened. */
export interface OpenedKey {
  readonly node: number
  readonly key: OpenFile
  readonly attributes: Omit<Attributes, 'node'>
}

/** What is open: a file of the work tree, a key that is read, or a directory as it was listed. */
export type Opened =
  | OpenedFile
  | OpenedKey
  | { readonly node: number; readonly entries: readonly DirectoryEntry[]; readonly sync: () => Promise<void> }

/** What the kernel has open, by the numbers that it was given for it. */
export class Handles {
  readonly #writers: OpenWriters
  readonly #opened = new Map<bigint, Opened>()
  #last = 0n

  constructor(writers: OpenWriters) {
    this.#writers = writers
  }

  /** Throws, and has it closed, where it cannot be noted that a file is written to. */
  async add(opened: Opened): Promise<bigint> {
    if ('writes' in opened && opened.writes) {
      try {
        this.#writers.begin()
      } catch (error) {
        await opened.file.close()
        throw error
      }
    }
    this.#last += 1n
    this.#opened.set(this.#last, opened)
    return this.#last
  }

  get(handle: bigint): Opened | undefined {
    return this.#opened.get(handle)
  }

  /** A file that is open, by its node: one of the work tree if there is one. */
  openOf(node: number): OpenedFile | OpenedKey | undefined {
    let found: OpenedKey | undefined
    for (const opened of this.#opened.values()) {
      if (opened.node !== node || 'entries' in opened) continue
      if ('file' in opened) return opened
      found = opened
    }
    return found
  }

  /**
   * Has those who read a key's file read what has come into its place: the kernel keeps one content
   * for all who have the file open.
   */
  async replaceKeys(node: number, open: () => Promise<FileHandle>): Promise<void> {
    for (const [handle, opened] of [...this.#opened]) {
      if (opened.node !== node || !('key' in opened)) continue
      const file = await open()
      if (this.#opened.get(handle) === opened) {
        this.#opened.set(handle, { node, file, writes: false, before: opened.key })
      } else await file.close() // it was closed meanwhile
    }
  }

  async close(handle: bigint): Promise<void> {
    const open = this.#opened.get(handle)
    this.#opened.delete(handle)
    if (open === undefined || 'entries' in open) return
    if ('key' in open) {
      open.key.close()
      return
    }
    try {
      await open.file.close()
    } finally {
      open.before?.close()
      if (open.writes) this.#writers.end()
    }
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#opened.keys()].map((handle) => this.close(handle)))
  }
}
