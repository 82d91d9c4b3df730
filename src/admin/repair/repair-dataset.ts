import type { Archive } from '../../archive/archive.ts'
import { isStoreError, messageOf } from '../../core/errors.ts'
import type { Time } from '../../core/moment.ts'
import { memberFileName } from '../../ria/keys/member-names.ts'
import { keyOfFileName, lockPath } from '../../ria/layout/places.ts'
import { readLayout, readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import type { Problem } from '../check/problem.ts'
import { openArchive } from '../inventory/count-keys.ts'
import { Changes } from '../lock/changes.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import { Replacing } from '../lock/replace-copy.ts'
import { mendArchive } from './archive/mend-archive.ts'
import { mendMember } from './archive/mend-member.ts'
import { MisplacedMembers } from './archive/misplaced-members.ts'
import { Bench } from './bench.ts'
import { mendForeignAnnex } from './git/mend-foreign-annex.ts'
import { isOfGit, mendGit } from './git/mend-git.ts'
import type { GoodCopies } from './good-copies.ts'
import { mendKey } from './mend-key.ts'
import { mendLeftover } from './mend-leftover.ts'
import { mendMisplaced } from './mend-misplaced.ts'
import { mendModes } from './mend-modes.ts'
import { mendDoubleAliases, mendViews } from './mend-views.ts'
import { quarantineStamp } from './quarantine-stamp.ts'
import { left } from './repair-store.ts'
import type { Mended, TellRepaired } from './repaired.ts'

export interface RepairOptions extends CallOptions {
  /** Where good copies may be, the best first. */
  readonly sources?: readonly GoodCopies[] | undefined
  readonly breakLock?: boolean | undefined
  /** Default: the real one. */
  readonly time?: Time | undefined
  /** Called when it changed whether the store has keys. */
  readonly onKeys?: ((keys: readonly string[], areThere: boolean) => Promise<void>) | undefined
}

/**
 * Mends what can be proven of the problems that were found in a dataset, under its lock. Nothing is
 * deleted but our own unfinished uploads: what is damaged, or in the way, is kept in `quarantine/`.
 * Each problem is told once, with what became of it. Throws StoreError when the store cannot be
 * reached, or somebody else has the lock.
 */
export async function repairDataset(
  given: StoredDataset,
  problems: readonly Problem[],
  tell: TellRepaired,
  options: RepairOptions = {},
): Promise<void> {
  const dataset = given.through(withStrictLinks)
  const call = { signal: options.signal }
  const { readOnly } = await readLayout(dataset, call)
  if (readOnly !== undefined) {
    for (const problem of problems) tell({ problem, outcome: 'left', how: `nothing is changed here: ${readOnly}` })
    return
  }
  const mendable = problems.filter(({ code }) => isMendable(code))
  for (const problem of problems) if (!mendable.includes(problem)) tell({ problem, ...left(problem) })
  if (mendable.length === 0) return
  const sharing = await readSharing(dataset, call)
  const { breakLock, time } = options
  await withLock(dataset, { ...call, sharing, breakLock, time }, (lock, signal) =>
    new Repairing(dataset, lock, sharing, { ...options, signal }).run(mendable, tell),
  )
}

/** What is in an archive that cannot be read nobody knows. */
export function ifUnreadable(error: unknown): undefined {
  if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
}

const MENDABLE: readonly Problem['code'][] = [
  ...(['alias-double', 'archive-damaged', 'archive-member', 'data-damaged', 'foreign-annex', 'key-misplaced'] as const),
  ...(['key-size', 'leftover', 'lock', 'mode', 'views'] as const),
]

/** Whether repair knows how. */
export function isMendable(code: Problem['code']): boolean {
  return MENDABLE.includes(code) || isOfGit(code)
}

class Repairing {
  readonly #dataset: StoredDataset
  readonly #lock: Lock
  readonly #sharing: Sharing | undefined
  readonly #options: RepairOptions
  readonly #call: CallOptions
  readonly #bench: Bench
  /** What became of the repository's problems. */
  #git: Promise<(problem: Problem) => Mended> | undefined
  /** What became of each key. */
  readonly #keys = new Map<string, Mended>()
  /** What became of the members of the archive that no client looks for, by their file names. */
  readonly #members = new Map<string, Mended>()
  #archive: Archive | undefined
  #misplaced: MisplacedMembers | undefined

  constructor(dataset: StoredDataset, lock: Lock, sharing: Sharing | undefined, options: RepairOptions) {
    this.#dataset = dataset
    this.#lock = lock
    this.#sharing = sharing
    this.#options = options
    this.#call = { signal: options.signal }
    const changes = new Changes(dataset, lock, { sharing, ...this.#call })
    const replacing = new Replacing(dataset, lock, changes, { sharing, ...this.#call })
    const stamp = quarantineStamp()
    this.#bench = new Bench(dataset, changes, replacing, { sharing, stamp, ...this.#call })
  }

  async run(problems: readonly Problem[], tell: TellRepaired): Promise<void> {
    // What lies in the wrong place may be the good copy of what is damaged in the right one.
    const misplaced = problems.filter(({ code }) => code === 'key-misplaced' || code === 'archive-member')
    // What lies beside a damaged archive may be a leftover, too.
    const first = problems.filter(({ code }) => code === 'archive-damaged')
    const others = problems.filter((each) => !misplaced.includes(each) && !first.includes(each))
    try {
      await this.#mendAll([...first, ...others, ...misplaced], tell)
    } finally {
      await this.#archive?.close()
    }
  }

  async #mendAll(problems: readonly Problem[], tell: TellRepaired): Promise<void> {
    for (const problem of problems) {
      try {
        tell({ problem, ...(await this.#mend(problem)) })
      } catch (error) {
        const isOfOne = isStoreError(error, 'denied', 'corrupt', 'missing', 'unsupported')
        if (this.#call.signal?.aborted || !isOfOne) throw error
        tell({ problem, outcome: 'left', how: messageOf(error) })
      }
    }
  }

  async #mend(problem: Problem): Promise<Mended> {
    const { code, path, key } = problem
    if (isOfGit(code)) {
      this.#git ??= mendGit(this.#bench, this.#options.sources ?? [], this.#sharing)
      return (await this.#git)(problem)
    }
    switch (code) {
      case 'key-size':
      case 'data-damaged':
        return key === undefined ? left(problem) : this.#mendKey(key)
      case 'key-misplaced':
        return mendMisplaced(this.#bench, path, await this.#version())
      case 'archive-damaged': {
        const { sources = [], onKeys } = this.#options
        return mendArchive(this.#bench, { version: await this.#version(), sources, onKeys })
      }
      case 'archive-member':
        return this.#mendMember(memberFileName(problem.member ?? ''))
      case 'lock':
        if (path === lockPath(this.#dataset.directory))
          return { outcome: 'mended', how: 'it was taken over, and given up' }
        return mendLeftover(this.#bench, path, this.#nowMs())
      case 'leftover':
        return mendLeftover(this.#bench, path, this.#nowMs())
      case 'mode':
        return mendModes(this.#bench, this.#sharing)
      case 'views':
        return mendViews(this.#dataset, this.#sharing, this.#call)
      case 'alias-double':
        return mendDoubleAliases(this.#dataset, this.#call)
      case 'foreign-annex':
        return mendForeignAnnex(this.#bench)
      default:
        return left(problem)
    }
  }

  async #mendKey(key: string): Promise<Mended> {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const { sources = [], onKeys } = this.#options
    const version = await this.#version()
    const archive = await this.#openArchive()
    const misplaced = await this.#misplacedMembers()
    const all = misplaced === undefined ? sources : [misplaced, ...sources]
    const { isThere, ...mended } = await mendKey(this.#bench, key, { version, archive, sources: all })
    if (isThere !== undefined) await onKeys?.([key], isThere)
    this.#keys.set(key, mended)
    return mended
  }

  async #mendMember(fileName: string): Promise<Mended> {
    const known = this.#members.get(fileName)
    if (known !== undefined) return known
    const archive = await this.#openArchive()
    const misplaced = await this.#misplacedMembers()
    if (archive === undefined || misplaced === undefined) return { outcome: 'mended', how: 'the archive is gone' }
    const { sources = [], onKeys } = this.#options
    const version = await this.#version()
    const { isThere, ...mended } = await mendMember(this.#bench, fileName, { version, archive, misplaced, sources })
    const key = keyOfFileName(fileName)
    if (isThere !== undefined && key !== undefined) await onKeys?.([key], isThere)
    this.#members.set(fileName, mended)
    return mended
  }

  /** As it is under the lock; undefined where there is none, or nobody knows what is in it. */
  async #openArchive(): Promise<Archive | undefined> {
    this.#archive ??= await openArchive(this.#dataset, this.#call).catch(ifUnreadable)
    return this.#archive
  }

  async #misplacedMembers(): Promise<MisplacedMembers | undefined> {
    const archive = await this.#openArchive()
    this.#misplaced ??= archive && (await MisplacedMembers.list(archive, this.#call))
    return this.#misplaced
  }

  async #version(): Promise<string> {
    return (await readLayout(this.#dataset, this.#call)).dataset.version
  }

  /** By the store's clock, as far as it tells. */
  #nowMs(): number {
    return this.#lock.stat.mtimeMs ?? Date.now()
  }
}
