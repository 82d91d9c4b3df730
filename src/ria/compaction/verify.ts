import { Archive } from '../../archive/archive.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { archivePath } from '../layout.ts'
import { readLayout } from '../layout-state.ts'
import { type ContentCheck, checkFor } from './content.ts'
import { forEachParallel } from './parallel.ts'
import { keyAtPlace } from './places.ts'
import { READS_AT_ONCE } from './plan.ts'

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

export interface VerifyReport {
  readonly members: number
  readonly bytes: number
  readonly bad: readonly BadMember[]
}

export interface BadMember {
  readonly name: string
  /** One line. */
  readonly reason: string
}

/**
 * Reads every member of a dataset's archive and holds it against its key's checksum, else against the CRC of the archive. Changes nothing.
 * Undefined when the dataset has no archive. Throws StoreError when it cannot be read at all.
 */
export async function verifyArchive(
  store: Store,
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport | undefined> {
  const call = options.signal ? { signal: options.signal } : {}
  await readLayout(store, directory, call)
  const path = archivePath(directory)
  const stat = await store.stat(path, call)
  if (stat === undefined) return undefined
  const archive = await Archive.open(store, path, { ...call, stat })
  const bad: BadMember[] = []
  let members = 0
  let bytes = 0
  try {
    await forEachParallel(archive.members(call), READS_AT_ONCE, async (member) => {
      let check: ContentCheck | undefined
      try {
        await archive.read(
          member,
          async (content) => {
            const begun = await checkFor(keyAtPlace(member.name)?.key ?? '', member)
            check = begun
            for await (const chunk of content) begun.update(chunk)
          },
          call,
        )
        if (!check?.matches()) bad.push({ name: member.name, reason: 'its content is not what the key says' })
      } catch (error) {
        bad.push({ name: member.name, reason: reasonOrThrow(error) })
      }
      members += 1
      bytes += member.size
      options.onProgress?.({ done: members, total: archive.count })
    })
  } finally {
    await archive.close()
  }
  return { members, bytes, bad }
}

/** What is wrong with one member; anything else concerns them all. */
function reasonOrThrow(error: unknown): string {
  if (error instanceof StoreError && (error.kind === 'corrupt' || error.kind === 'unsupported')) return messageOf(error)
  throw error
}
