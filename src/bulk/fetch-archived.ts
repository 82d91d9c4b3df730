import type { Archive, Member } from '../archive/archive.ts'
import { isStoreError } from '../core/errors.ts'
import { forEachParallel } from '../core/parallel.ts'
import type { Bytes } from '../core/source.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { archivedCopy, type Copy } from '../ria/keys/copy.ts'
import { findMember } from '../ria/keys/member-names.ts'
import { archivePath } from '../ria/layout/paths.ts'
import type { Store } from '../store/store.ts'
import type { ArchivedKeys } from './archived-keys.ts'
import { type CheckedKey, SMALL_BYTES } from './clone/content.ts'
import { checkedKey, type Fetch } from './fetch.ts'
import type { OpenRemote } from './open-remote.ts'

/** A member of the archive that lies in it as it is, and its key. */
interface Wanted {
  readonly number: number
  readonly checked: CheckedKey
  readonly position: number
}

/** Members in a row of the archive that are read with one call. */
interface Run {
  readonly kind: 'run'
  readonly members: readonly Wanted[]
}

/** A member that is read by itself: it is large, or has to be unpacked. */
interface Single {
  readonly kind: 'single'
  readonly number: number
  readonly checked: CheckedKey
  readonly member: Member
}

/** Members of one folder, in the order in which they lie there: it is unpacked once for all. */
interface Folder {
  readonly kind: 'folder'
  readonly members: readonly Single[]
}

/** So much is read with one call, gaps included. Bytes. */
const RUN_BYTES = 16 * 1024 * 1024

/** To read over members that nobody wants costs less than another call, up to so many bytes. */
const GAP_BYTES = 128 * 1024

/** A folder is unpacked again for more members than this: each is an object in memory. */
const FOLDER_KEYS = 100_000

/** What is to be read of an archive, from its front to its end. */
async function* planReads(
  archive: Archive,
  table: KeyTable,
  keys: ArchivedKeys,
): AsyncGenerator<Run | Single | Folder, void, void> {
  let members: Wanted[] = []
  let end = 0
  const folder = new FolderPlan()
  for (const number of keys.inOrder()) {
    const text = table.text(number)
    const checked = checkedKey(text)
    const member = await findMember(archive, text)
    if (checked === undefined || member === undefined) continue
    const { place } = member
    if (place.kind !== 'copy' || member.size > SMALL_BYTES || member.size !== checked.size) {
      const single = { kind: 'single', number, checked, member } as const
      const complete = place.kind === 'packed' ? folder.add(place.folder, single) : single
      if (complete !== undefined) yield complete
      continue
    }
    const { position } = place
    const start = members[0]?.position ?? position
    const joins = position >= end && position - end <= GAP_BYTES && position + checked.size - start <= RUN_BYTES
    if (members.length > 0 && !joins) {
      yield { kind: 'run', members }
      members = []
    }
    members.push({ number, checked, position })
    end = position + checked.size
  }
  if (members.length > 0) yield { kind: 'run', members }
  const rest = folder.end()
  if (rest !== undefined) yield rest
}

/** Puts members of a folder together. One that is alone is read like any other. */
class FolderPlan {
  #folder = -1
  #members: Single[] = []

  /** Returns what is complete then. */
  add(folder: number, single: Single): Folder | Single | undefined {
    const isFull = folder !== this.#folder || this.#members.length === FOLDER_KEYS
    const complete = isFull ? this.end() : undefined
    this.#folder = folder
    this.#members.push(single)
    return complete
  }

  end(): Folder | Single | undefined {
    const members = this.#members
    this.#members = []
    return members.length > 1 ? { kind: 'folder', members } : members[0]
  }
}

/**
 * Brings what an archive has of the wanted keys. `onKey` gets each key that is in the work
 * directory then, or why it is not. Throws `conflict` when the archive was replaced meanwhile: then
 * the rest is still to be looked for; and what concerns more than one key.
 */
export async function fetchArchived(
  source: { readonly remote: OpenRemote; readonly archive: Archive; readonly keys: ArchivedKeys },
  table: KeyTable,
  fetch: Fetch,
  options: { readonly readsAtOnce: number; readonly signal: AbortSignal | undefined; readonly onKey: OnKey },
): Promise<void> {
  const { remote, archive, keys } = source
  const { onKey, signal } = options
  const where = `${remote.store.traits.root}/${archivePath(remote.directory)}`
  const readSingle = ({ number, checked, member }: Single) =>
    onKey(number, () => fetch.fetchCopy(archivedCopy(where, archive, member), checked))
  const readTogether = async (run: Run) => {
    const kept = new Set<number>()
    const reader = new RunReader(run, async ({ number, checked }, content) => {
      await onKey(number, () => fetch.keep(checked, content, where))
      kept.add(number)
    })
    await reader.read(remote.store, archivePath(remote.directory), archive.stat.identity, signal)
    // What did not come is damaged, or the archive is cut off: each by itself says what is wrong.
    for (const { number, checked } of run.members)
      if (!kept.has(number)) await onKey(number, () => fetch.fetch(checked))
  }
  const readFolder = async ({ members }: Folder) => {
    let next = 0
    try {
      await archive.readFolder(
        members.map(({ member }) => member),
        async (passing) => {
          const { number, checked, member } = members[passing.at] as Single
          const content = { size: member.size, identity: archive.stat.identity }
          let isHere = true
          try {
            const read: Copy['read'] = (consume, how) => passing.read((bytes) => consume(bytes, content), how)
            await fetch.receive({ where: `${where}: ${member.name}`, read }, checked)
          } catch {
            passing.throwFailure()
            isHere = false
          }
          await onKey(number, isHere ? async () => {} : () => fetch.fetch(checked))
          next = passing.at + 1
        },
        { signal },
      )
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
      // Each by itself says what is wrong with it.
      for (const single of members.slice(next)) await readSingle(single)
    }
  }
  const copies = async function* () {
    for await (const read of planReads(archive, table, keys)) {
      // One at a time: to unpack takes memory, and a processor.
      if (read.kind === 'folder') await readFolder(read)
      else yield read
    }
  }
  await forEachParallel(copies(), options.readsAtOnce, (read) =>
    read.kind === 'run' ? readTogether(read) : readSingle(read),
  )
}

/**
 * Does the work for a key, and keeps account of how it ended. Rejects only when nothing can go on.
 */
export type OnKey = (number: number, work: () => Promise<void>) => Promise<void>

/** Cuts what is read of an archive into members. */
class RunReader {
  readonly #members: readonly Wanted[]
  readonly #keep: (wanted: Wanted, content: Uint8Array) => Promise<void>
  #next = 0
  #content: Buffer | undefined
  #filled = 0

  constructor({ members }: Run, keep: (wanted: Wanted, content: Uint8Array) => Promise<void>) {
    this.#members = members
    this.#keep = keep
  }

  /** Throws what the store throws, but no `corrupt`. */
  async read(store: Store, path: string, identity: string, signal: AbortSignal | undefined): Promise<void> {
    const last = this.#members.at(-1)
    if (last === undefined) return
    const start = () => (this.#members[this.#next] ?? last).position
    const consume = async (bytes: Bytes) => {
      let at = start()
      this.#content = undefined
      this.#filled = 0
      for await (const chunk of bytes) {
        await this.#take(chunk, at)
        at += chunk.length
      }
    }
    try {
      await store.get(path, consume, {
        range: () => ({ start: start(), end: last.position + last.checked.size }), // a retry begins with the first member that is not whole
        ifMatch: identity,
        signal,
      })
    } catch (error) {
      if (!isStoreError(error, 'corrupt')) throw error
    }
  }

  /** `at`: where in the archive the chunk begins. */
  async #take(chunk: Uint8Array, at: number): Promise<void> {
    for (let wanted = this.#members[this.#next]; wanted !== undefined; wanted = this.#members[this.#next]) {
      const { size } = wanted.checked
      const from = wanted.position + this.#filled - at
      if (from >= chunk.length) return
      const part = chunk.subarray(from, from + size - this.#filled)
      const isWhole = this.#filled + part.length === size
      if (!isWhole || this.#filled > 0) {
        this.#content ??= Buffer.allocUnsafe(size)
        this.#content.set(part, this.#filled)
      }
      if (!isWhole) {
        this.#filled += part.length
        return
      }
      await this.#keep(wanted, this.#content ?? part)
      this.#content = undefined
      this.#filled = 0
      this.#next += 1
    }
  }
}
