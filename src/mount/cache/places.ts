import { hash, randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import { isDead, ourselves, type ProcessOwner } from '../../core/process/owner.ts'

/** Of a file that a process has open and fills. */
const PART = /^([0-9a-f]{64})\.(\d+)-(\d*)-[0-9a-f]{16}\.part$/

/**
 * Where what was read is kept. Each start of the machine has a directory of its own: what was
 * written before a power failure may not be what is there after it, and is checked once more.
 *
 *     <boot>/<name>                    whole, and checked where the key has a checksum
 *     <boot>/<name>.<process>.part     being filled, by that process alone
 *     <boot>/<name>.left               in part, left by one that ended
 *
 * `<name>` is the SHA-256 of a key's name in the cache.
 */
export class Places {
  readonly directory: string
  readonly #root: string
  readonly #us: ProcessOwner

  constructor(root: string, us: ProcessOwner = ourselves()) {
    this.#root = root
    this.#us = us
    this.directory = join(root, us.boot ?? 'boot')
  }

  whole(name: string): string {
    return join(this.directory, hashed(name))
  }

  left(name: string): string {
    return `${this.whole(name)}.left`
  }

  /** Another one at each call. */
  part(name: string): string {
    const { pid, processStart = '' } = this.#us
    return `${this.whole(name)}.${pid}-${processStart}-${randomBytes(8).toString('hex')}.part`
  }

  /** Whole contents of earlier starts of the machine, if there are any. */
  earlier(name: string): string[] {
    return this.#boots()
      .filter((boot) => join(this.#root, boot) !== this.directory)
      .map((boot) => join(this.#root, boot, hashed(name)))
  }

  /** All files, of all starts of the machine. */
  all(): string[] {
    return this.#boots().flatMap((boot) => namesIn(join(this.#root, boot)).map((file) => join(this.#root, boot, file)))
  }

  /**
   * Whose a file is, if it is one that is being filled. Of another start of the machine, or another
   * machine that has the same home, nobody can say whether it is in use.
   */
  isPart(path: string): 'no' | 'ours' | 'of another' | 'of nobody' {
    const [, , pid, processStart] = PART.exec(path.slice(path.lastIndexOf('/') + 1)) ?? []
    if (pid === undefined || !path.startsWith(`${this.directory}/`)) return 'no'
    const owner = { ...this.#us, pid: Number(pid), processStart }
    if (owner.pid === this.#us.pid && (processStart ?? '') === (this.#us.processStart ?? '')) return 'ours'
    return isDead(owner, this.#us) ? 'of nobody' : 'of another'
  }

  /** Removes directories of earlier starts in which nothing is left. */
  removeEmpty(): void {
    for (const boot of this.#boots()) {
      const directory = join(this.#root, boot)
      if (directory !== this.directory && namesIn(directory).length === 0)
        rmSync(directory, { recursive: true, force: true })
    }
  }

  #boots(): string[] {
    return namesIn(this.#root).filter((name) => /^[\w-]+$/.test(name))
  }
}

function hashed(name: string): string {
  return hash('sha256', name, 'hex')
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
