import type { GitObject } from './pack-reader.ts'

/** A larger object is read once, and not kept. Bytes. */
const MAX_OBJECT_BYTES = 1024 * 1024

/** What an object takes besides its content. Bytes. */
const OVERHEAD_BYTES = 200

/**
 * Git's objects that were read and held against their ids, up to so many bytes of them together;
 * those that were used last. They never change, whoever has them.
 */
export class ObjectCache {
  readonly #objects = new Map<string, GitObject>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `name`: of the repository, and the id. */
  get(name: string): GitObject | undefined {
    const known = this.#objects.get(name)
    if (known === undefined) return undefined
    this.#objects.delete(name)
    this.#objects.set(name, known)
    return known
  }

  add(name: string, object: GitObject): void {
    if (object.content.length > MAX_OBJECT_BYTES || this.#objects.has(name)) return
    // What was cut out of a larger piece would keep all of that.
    this.#objects.set(name, { ...object, content: Buffer.from(object.content) })
    this.#bytes += object.content.length + OVERHEAD_BYTES
    for (const [oldest, { content }] of this.#objects) {
      if (this.#bytes <= this.#maxBytes) break
      this.#objects.delete(oldest)
      this.#bytes -= content.length + OVERHEAD_BYTES
    }
  }
}
