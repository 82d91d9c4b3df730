import { hash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import { logPath, withPresent } from '../../core/records/location-log.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { encode } from '../../core/text.ts'
import type { Clone } from '../clone/clone.ts'
import { outputOf } from '../clone/programs.ts'
import type { WorkDirectory } from '../clone/work-directory.ts'
import type { BranchListing } from './branch-listing.ts'
import { newRef, OWN_REFS, removeEmptyRefs, removeMergedRefs } from './own-refs.ts'
import { ANNEX_BRANCH, branchCommit, readLogs } from './read-logs.ts'
import { SpoolFile } from './spool-file.ts'

export interface RecordOptions {
  readonly clone: Clone
  readonly work: WorkDirectory
  readonly table: KeyTable
  /** The repository that has the keys. */
  readonly uuid: string
  /** Whether it has a key still, where that can be seen: somebody may have dropped it since. */
  readonly hasStill?: ((number: number) => boolean) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Gets the location log of a key as it is, and says whether the key may have to be recorded. */
export type LogVisitor = (number: number, log: string) => boolean

/**
 * Records in the git-annex branch that a repository has keys: all with one commit, which git-annex
 * merges as it merges what was fetched from a remote. So git-annex itself changes its branch, under
 * its own locks, whatever else it does meanwhile; and what somebody else recorded since is not
 * lost. Nothing is recorded before `commit`.
 *
 * The new logs, and the commit of them all, are written to git's objects ahead, while the keys are
 * on their way. No ref leads to that commit before all its keys are safe; when some of them did not
 * come, there is another one of the others. Each step that writes is a program of its own that
 * reads a whole file: killed at any moment, there is no half commit.
 */
export class Recorder {
  readonly #options: RecordOptions
  #base = ''
  #ids = Buffer.alloc(0)
  /** By number: 1 for a key that is in the commit which was prepared. */
  #isPrepared = new Uint8Array(0)
  #importing: Promise<string> = Promise.resolve('')

  constructor(options: RecordOptions) {
    this.#options = options
  }

  /**
   * Reads the location logs of keys, and prepares what they will be. `listing`: of the branch, when
   * somebody has it already; it is closed here. Throws StoreError.
   */
  async prepare(
    numbers: Iterable<number>,
    visit: LogVisitor = () => true,
    listing: BranchListing | undefined = undefined,
  ): Promise<void> {
    const { clone, table, uuid, work, signal } = this.#options
    const spool = new SpoolFile(work.newFile())
    this.#base = await branchCommit(clone)
    const idBytes = this.#base.length / 2
    const algorithm = idBytes === 20 ? 'sha1' : 'sha256'
    this.#ids = Buffer.alloc(table.size * idBytes)
    this.#isPrepared = new Uint8Array(table.size)
    const isCurrent = listing?.commit === this.#base
    if (!isCurrent) listing?.close()
    const lines = isCurrent ? listing?.lines() : undefined
    const now = Date.now()
    for await (const logs of readLogs(clone, this.#base, table, numbers, { lines, signal })) {
      for (const { number, text } of logs) {
        if (!visit(number, text)) continue
        const content = Buffer.from(withPresent(text, uuid, now), 'latin1')
        const object = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content])
        this.#ids.write(hash(algorithm, object), number * idBytes, 'hex')
        this.#isPrepared[number] = 1
        spool.add(`blob\ndata ${content.length}\n`, content, '\n')
      }
    }
    if (!this.#isPrepared.includes(1)) {
      fs.closeSync(spool.finish())
      return
    }
    this.#importing = this.#importCommit(spool, this.#prepared())
    this.#importing.catch(() => {}) // awaited by commit
  }

  *#prepared(): IterableIterator<number> {
    for (let number = 0; number < this.#isPrepared.length; number++) if (this.#isPrepared[number] === 1) yield number
  }

  /**
   * Records that the repository has these keys, which have to be on the disk. Throws StoreError:
   * then nothing is recorded, or all.
   */
  async commit(given: readonly number[]): Promise<void> {
    const { clone, work, hasStill = () => true } = this.#options
    let numbers = given
    if (numbers.length === 0) return
    // Something was recorded meanwhile; of these keys, perhaps. What was prepared would be merged
    // too, but by clocks that are older. What is prepared now counts more than a drop since then,
    // so only keys that were not dropped are.
    if ((await branchCommit(clone)) !== this.#base) {
      numbers = given.filter(hasStill)
      if (numbers.length > 0) await this.prepare(numbers)
    }
    const prepared = await this.#importing
    if (numbers.length === 0) return
    const commit = this.#isAllPrepared(numbers)
      ? prepared
      : await this.#importCommit(new SpoolFile(work.newFile()), numbers)
    const ref = newRef()
    await outputOf('git', ['update-ref', ref, commit, ''], { cwd: clone.gitDirectory })
    await this.#merge(ref, commit)
  }

  /** Resolves when all that was prepared is in git's objects. Throws StoreError. */
  async ready(): Promise<void> {
    await this.#importing
  }

  /** Whether these keys, and no others, are in the commit that was prepared. */
  #isAllPrepared(numbers: readonly number[]): boolean {
    const left = this.#isPrepared.slice()
    for (const number of numbers) {
      if (left[number] !== 1) return false
      left[number] = 0
    }
    return !left.includes(1)
  }

  /** Has git-annex merge the ref, and takes the ref away when it has. */
  async #merge(ref: string, commit: string): Promise<void> {
    const { clone } = this.#options
    // `git annex merge` would merge synced/ branches into the user's, too. Whoever reads records
    // gets branches merged first, and these need no remote to be started.
    await outputOf('git', ['annex', 'numcopies'], { cwd: clone.directory, accepts: [0, 1] })
    const merged = await removeMergedRefs(clone)
    // Another of us may have removed it, since it was merged.
    if (!merged.has(ref) && !(await isMerged(clone, commit))) {
      const message = `git-annex did not merge ${ref} into its branch; it will with its next merge`
      throw new StoreError({ kind: 'unsupported', op: 'record', where: clone.directory, message })
    }
  }

  /**
   * Has git take what is in `spool`, and a commit of the logs of keys, to which no ref leads.
   * Resolves with its id.
   */
  async #importCommit(spool: SpoolFile, numbers: Iterable<number>): Promise<string> {
    const { clone, table } = this.#options
    const idBytes = this.#base.length / 2
    const [author, message] = await Promise.all([this.#author(), this.#message()])
    const seconds = Math.floor(Date.now() / 1000)
    // A commit has to be on some ref; this one is gone before it is written.
    const ref = `${OWN_REFS}/passing-${process.pid}-${randomBytes(6).toString('hex')}`
    spool.add(`commit ${ref}\nmark :1\ncommitter ${author} ${seconds} +0000\n`)
    spool.add(`data ${message.length}\n`, message, `\nfrom ${this.#base}\n`)
    for (const number of numbers) {
      const id = this.#ids.toString('hex', number * idBytes, (number + 1) * idBytes)
      spool.add(`M 100644 ${id} `, encode(logPath(table.text(number))), '\n')
    }
    spool.add(`\nget-mark :1\nreset ${ref}\nfrom ${'0'.repeat(this.#base.length)}\n\ndone\n`)
    const fd = spool.finish()
    try {
      // Not ended by a signal: what it reads is whole, and soon read.
      const printed = await outputOf('git', ['fast-import', '--quiet', '--depth=0', '--done'], {
        cwd: clone.gitDirectory,
        stdin: fd,
      })
      return printed.toString().trim()
    } finally {
      fs.closeSync(fd)
      await removeEmptyRefs(clone.gitDirectory)
    }
  }

  /** As git would have it; like git-annex, with a name of its own where git knows none. */
  async #author(): Promise<string> {
    const { clone } = this.#options
    const { code, stdout } = await run('git', ['var', 'GIT_COMMITTER_IDENT'], { cwd: clone.gitDirectory })
    const [, author] = /^(.*<[^>]*>) \d+ [+-]\d{4}\s*$/.exec(stdout.toString()) ?? []
    return code === 0 && author !== undefined ? author : 'git-annex <git-annex@localhost>'
  }

  async #message(): Promise<Buffer> {
    return Buffer.from(this.#options.clone.config.get('annex.commitmessage') ?? 'update')
  }
}

async function isMerged({ gitDirectory }: Clone, commit: string): Promise<boolean> {
  const { code } = await run('git', ['merge-base', '--is-ancestor', commit, ANNEX_BRANCH], {
    cwd: gitDirectory,
  })
  return code === 0
}
