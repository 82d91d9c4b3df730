import { hash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import { isLostSince, logPath, repositoriesIn, withPresent } from '../../core/records/location-log.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { encode } from '../../core/text.ts'
import type { Clone } from '../clone/clone.ts'
import { outputOf } from '../clone/programs.ts'
import type { WorkDirectory } from '../clone/work-directory.ts'
import type { BranchListing } from './branch-listing.ts'
import { askForRecords } from './merge-fetched.ts'
import { newRef, OWN_REFS, removeEmptyRefs, removeMergedRefs } from './own-refs.ts'
import { ANNEX_BRANCH, branchCommit, readLogs } from './read-logs.ts'
import { SpoolFile } from './spool-file.ts'

export interface RecordOptions {
  readonly clone: Clone
  readonly work: WorkDirectory
  readonly table: KeyTable
  /** The repository that has the keys. */
  readonly uuid: string
  /**
   * Whether it has a key still, where that can be seen: somebody may have dropped it since. Where
   * it cannot, what was recorded since the logs were read first counts.
   */
  readonly hasStill?: ((number: number) => boolean) | undefined
  readonly signal?: AbortSignal | undefined
  /** git is given about so many keys at a time. Default: 200,000. */
  readonly keysAtOnce?: number | undefined
}

/**
 * For so many keys git fast-import takes 120 to 170 MB, for a million at once 560. It keeps
 * something of every object, and all the trees that change.
 */
const KEYS_AT_ONCE = 200_000

/** What the logs of keys will be, on top of a commit of the branch. */
interface Prepared {
  readonly base: string
  /** By number: the id of the new log. */
  readonly ids: Buffer
  /** By number: 1 for a key that has a new log. */
  readonly has: Uint8Array
}

/** Keys that are being found, and where the git-annex branch has their logs. */
export interface KeysToCome {
  /** Of the branch, when there are so many keys that it was listed. */
  readonly listing: Promise<BranchListing | undefined>
  /** Resolves when all were found. */
  readonly found: Promise<void>
}

/** For fewer keys the listing of the branch is not gone through while others are found. */
const KEYS_MEANWHILE = 1000
const LOOK_AGAIN_MS = 20

/** What is about to be prepared. */
interface Draft {
  readonly visit: LogVisitor
  readonly listing: BranchListing | undefined
  readonly spools: readonly SpoolFile[]
  readonly nowMs: number
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
  #prepared: Prepared = { base: '', ids: Buffer.alloc(0), has: new Uint8Array(0) }
  #importing: Promise<string> = Promise.resolve('')
  /** When logs were read first. */
  #begunMs: number | undefined

  constructor(options: RecordOptions) {
    this.#options = options
  }

  /**
   * Reads the location logs of keys, and prepares what they will be. `listing`: of the branch, when
   * somebody has it already. `nowMs`: when the repository is said to have had the keys; ms since
   * 1970. Throws StoreError.
   */
  async prepare(
    numbers: Iterable<number>,
    visit: LogVisitor = () => true,
    listing: BranchListing | undefined = undefined,
    nowMs = Date.now(),
  ): Promise<void> {
    const draft = await this.#begin(visit, listing, nowMs)
    await this.#read(draft, numbers)
    this.#write(draft)
  }

  /**
   * The same of keys that are being found: the logs of the first ones are read meanwhile. `unread`
   * returns the keys that were found and not returned before.
   */
  async prepareFound(
    { listing, found }: KeysToCome,
    unread: () => readonly number[],
    visit: LogVisitor,
  ): Promise<void> {
    const { keysAtOnce = KEYS_AT_ONCE } = this.#options
    const listed = await listing
    // In how many parts git gets more than these depends on how many keys there are.
    if (listed === undefined || listed.paths > keysAtOnce) {
      await found
      return await this.prepare(unread(), visit, listed)
    }
    const draft = await this.#begin(visit, listed, Date.now())
    let isComplete = false
    const complete = found.finally(() => {
      isComplete = true
    })
    complete.catch(() => {}) // awaited below
    let waiting = unread()
    while (!isComplete) {
      if (waiting.length >= KEYS_MEANWHILE) {
        await this.#read(draft, waiting)
        waiting = []
      } else await Promise.race([complete, sleep(LOOK_AGAIN_MS)])
      waiting = waiting.concat(unread())
    }
    await complete
    waiting = waiting.concat(unread())
    if (waiting.length > 0) await this.#read(draft, waiting)
    this.#write(draft)
  }

  async #begin(visit: LogVisitor, listing: BranchListing | undefined, nowMs: number): Promise<Draft> {
    this.#begunMs ??= Date.now()
    const base = await branchCommit(this.#options.clone)
    this.#prepared = { base, ids: Buffer.alloc(0), has: new Uint8Array(0) }
    const isCurrent = listing?.commit === base
    return { visit, listing: isCurrent ? listing : undefined, spools: this.#newSpools(), nowMs }
  }

  async #read({ visit, listing, spools, nowMs }: Draft, numbers: Iterable<number>): Promise<void> {
    const { clone, table, uuid, signal } = this.#options
    const prepared = grown(this.#prepared, table.size)
    this.#prepared = prepared
    const { base } = prepared
    const idBytes = base.length / 2
    const algorithm = idBytes === 20 ? 'sha1' : 'sha256'
    for await (const logs of readLogs(clone, base, table, numbers, { lines: listing?.lines(), signal })) {
      for (const { number, text } of logs) {
        if (!visit(number, text)) continue
        const content = Buffer.from(withPresent(text, uuid, nowMs), 'latin1')
        const object = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content])
        prepared.ids.write(hash(algorithm, object), number * idBytes, 'hex')
        prepared.has[number] = 1
        const spool = spools[this.#partOf(number, spools.length)]
        spool?.add(`blob\ndata ${content.length}\n`, content, '\n')
        // git-annex's merge asks git for the old log and the new one, key by key. What git-annex
        // wrote lies in a file of its own, which git opens three times for an answer. So it gets
        // into the same pack; git leaves out what is in a pack.
        if (text !== '') spool?.add(`blob\ndata ${text.length}\n`, Buffer.from(text, 'latin1'), '\n')
      }
    }
  }

  #write({ spools }: Draft): void {
    const prepared = this.#prepared
    if (!prepared.has.includes(1)) {
      for (const spool of spools) fs.closeSync(spool.finish())
      return
    }
    this.#importing = this.#importCommit(prepared, spools, () => allIn(prepared))
    this.#importing.catch(() => {}) // awaited by commit
  }

  /**
   * Records that the repository has these keys, which have to be on the disk. Throws StoreError:
   * then nothing is recorded, or all.
   */
  async commit(given: readonly number[]): Promise<void> {
    const { clone, uuid, hasStill } = this.#options
    let numbers = given
    if (numbers.length === 0) return
    // Something was recorded meanwhile; of these keys, perhaps. What was prepared would be merged
    // too, but by clocks that are older. What is prepared now counts more than a drop before now,
    // so only keys that were not dropped are. A drop of which git-annex has not told the branch yet
    // is seen where the key is looked for; else it counts more than what we say of the beginning.
    if ((await branchCommit(clone)) !== this.#prepared.base) {
      const begunMs = this.#begunMs ?? 0
      const nowMs = hasStill === undefined ? begunMs : Date.now()
      const isThere = (number: number, log: string) => hasStill?.(number) ?? !isLostSince(log, uuid, begunMs)
      const isNews = (number: number, log: string) => !repositoriesIn(log).has(uuid) && isThere(number, log)
      await this.prepare(given, isNews, undefined, nowMs)
      numbers = given.filter((number) => this.#prepared.has[number] === 1)
    }
    const prepared = await this.#importing
    if (numbers.length === 0) return
    const commit = this.#isAllPrepared(numbers)
      ? prepared
      : await this.#importCommit(this.#prepared, this.#newSpools(), () => numbers)
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
    const left = this.#prepared.has.slice()
    for (const number of numbers) {
      if (left[number] !== 1) return false
      left[number] = 0
    }
    return !left.includes(1)
  }

  /** Has git-annex merge the ref, and takes the ref away when it has. */
  async #merge(ref: string, commit: string): Promise<void> {
    const { clone } = this.#options
    // `git annex merge` would merge synced/ branches into the user's, too.
    await askForRecords(clone)
    const merged = await removeMergedRefs(clone)
    // Another of us may have removed it, since it was merged.
    if (!merged.has(ref) && !(await isMerged(clone, commit))) {
      const message = `git-annex did not merge ${ref} into its branch; it will with its next merge`
      throw new StoreError({ kind: 'unsupported', op: 'record', where: clone.directory, message })
    }
  }

  /** One for each part of the keys. */
  #newSpools(): SpoolFile[] {
    const { table, work, keysAtOnce = KEYS_AT_ONCE } = this.#options
    const parts = Math.max(1, Math.ceil(table.size / keysAtOnce))
    return Array.from({ length: parts }, () => new SpoolFile(work.newFile()))
  }

  /** Keys whose logs are in the same directory of the branch are in the same part. */
  #partOf(number: number, parts: number): number {
    if (parts === 1) return 0
    const [directory = ''] = logPath(this.#options.table.text(number)).split('/', 1)
    return Math.floor((Number.parseInt(directory, 16) * parts) / 4096)
  }

  /**
   * Has git take what is in `spools`, and one commit of the logs of keys, to which no ref leads.
   * Resolves with its id.
   */
  async #importCommit(
    prepared: Prepared,
    spools: readonly SpoolFile[],
    numbers: () => Iterable<number>,
  ): Promise<string> {
    const { clone } = this.#options
    let commit = prepared.base
    for (const [part, spool] of spools.entries()) {
      const isOurs = (number: number) => this.#partOf(number, spools.length) === part
      commit = await this.#importPart(spool, commit, this.#changes(prepared, numbers(), isOurs))
    }
    if (spools.length === 1) return commit
    // The commits of the parts are nobody's: all is one commit.
    const tree = await outputOf('git', ['rev-parse', `${commit}^{tree}`], { cwd: clone.gitDirectory })
    const whole = [`M 040000 ${tree.toString().trim()} ""\n`]
    return this.#importPart(new SpoolFile(this.#options.work.newFile()), prepared.base, whole)
  }

  *#changes(
    { ids, base }: Prepared,
    numbers: Iterable<number>,
    isOurs: (number: number) => boolean,
  ): IterableIterator<string | Buffer> {
    const idBytes = base.length / 2
    for (const number of numbers) {
      if (!isOurs(number)) continue
      yield `M 100644 ${ids.toString('hex', number * idBytes, (number + 1) * idBytes)} `
      yield encode(`${logPath(this.#options.table.text(number))}\n`)
    }
  }

  /** Has git take what is in `spool`, and a commit on `parent`. Resolves with its id. */
  async #importPart(spool: SpoolFile, parent: string, changes: Iterable<string | Buffer>): Promise<string> {
    const { clone } = this.#options
    const [author, message] = await Promise.all([this.#author(), this.#message()])
    const seconds = Math.floor(Date.now() / 1000)
    // A commit has to be on some ref; this one is gone before it is written.
    const ref = `${OWN_REFS}/passing-${process.pid}-${randomBytes(6).toString('hex')}`
    spool.add(`commit ${ref}\nmark :1\ncommitter ${author} ${seconds} +0000\n`)
    spool.add(`data ${message.length}\n`, message, `\nfrom ${parent}\n`)
    for (const change of changes) spool.add(change)
    spool.add(`\nget-mark :1\nreset ${ref}\nfrom ${'0'.repeat(parent.length)}\n\ndone\n`)
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

/** With room for so many keys. */
function grown({ base, ids, has }: Prepared, keys: number): Prepared {
  const larger = { base, ids: Buffer.alloc(keys * (base.length / 2)), has: new Uint8Array(keys) }
  larger.ids.set(ids)
  larger.has.set(has)
  return larger
}

function* allIn({ has }: Prepared): IterableIterator<number> {
  for (let number = 0; number < has.length; number++) if (has[number] === 1) yield number
}

async function isMerged({ gitDirectory }: Clone, commit: string): Promise<boolean> {
  const { code } = await run('git', ['merge-base', '--is-ancestor', commit, ANNEX_BRANCH], {
    cwd: gitDirectory,
  })
  return code === 0
}
