import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../errors.ts'
import { isDead, ourselves, parseOwner } from './owner.ts'

/**
 * In a git repository: who has files of its work tree open for writing, through a mounted folder.
 */
const DIRECTORY = 'riastore-writers'

/** Says in a repository that files of its work tree are open for writing, as long as some are. */
export class OpenWriters {
  readonly #file: string
  #count = 0

  constructor(gitDirectory: string) {
    mkdirSync(join(gitDirectory, DIRECTORY), { recursive: true })
    // Hosts that share the clone may number their processes alike.
    this.#file = join(gitDirectory, DIRECTORY, `${process.pid}-${randomBytes(4).toString('hex')}.json`)
  }

  /** Throws what stands in the way of the note: then nothing has begun. */
  begin(): void {
    if (this.#count === 0) this.#write()
    this.#count += 1
  }

  end(): void {
    this.#count -= 1
    if (this.#count === 0) rmSync(this.#file, { force: true })
  }

  #write(): void {
    try {
      writeFileSync(this.#file, JSON.stringify(ourselves()))
    } catch (error) {
      rmSync(this.#file, { force: true }) // an empty one, of a full disk, would be waited for
      throw error
    }
  }
}

/**
 * The file by which a mounted folder says that it has files of a repository's work tree open for
 * writing. Undefined: none has, as far as is known.
 */
export function findOpenWriters(gitDirectory: string): string | undefined {
  const directory = join(gitDirectory, DIRECTORY)
  let alive: string | undefined
  for (const name of namesIn(directory)) {
    const file = join(directory, name)
    const owner = parseOwner(readJson(file))
    if (owner !== undefined && isDead(owner)) rmSync(file, { force: true })
    else alive = file
  }
  return alive
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Undefined for one that is being written, or was removed just now. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
