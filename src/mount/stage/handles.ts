import type { FileHandle } from 'node:fs/promises'
import type { OpenWriters } from '../../core/process/open-writers.ts'
import type { DirectoryEntry } from '../fuse/messages.ts'
import type { OpenFile } from '../tree.ts'

export interface OpenedFile {
  readonly node: number
  readonly file: FileHandle
  readonly writes: boolean
}

/** What is open: a file of the work tree, a key that is read, or a directory as it was listed. */
export type Opened =
  | OpenedFile
  | { readonly node: number; readonly key: OpenFile }
  | { readonly node: number; readonly entries: readonly DirectoryEntry[] }

/** What the kernel has open, by the numbers that it was given for it. */
export class Handles {
  readonly #writers: OpenWriters
  readonly #opened = new Map<bigint, Opened>()
  #last = 0n

  constructor(writers: OpenWriters) {
    this.#writers = writers
  }

  add(opened: Opened): bigint {
    this.#last += 1n
    this.#opened.set(this.#last, opened)
    if ('writes' in opened && opened.writes) this.#writers.begin()
    return this.#last
  }

  get(handle: bigint): Opened | undefined {
    return this.#opened.get(handle)
  }

  /** A file of the work tree that is open, by its node. */
  fileOf(node: number): OpenedFile | undefined {
    for (const opened of this.#opened.values()) if (opened.node === node && 'file' in opened) return opened
    return undefined
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
      if (open.writes) this.#writers.end()
    }
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#opened.keys()].map((handle) => this.close(handle)))
  }
}
