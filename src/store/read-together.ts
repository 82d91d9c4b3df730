import { StoreError } from '../core/errors.ts'
import { encode } from '../core/text.ts'
import type { CallOptions, Store } from './store.ts'
import { type TarMember, tarMembers } from './tar-members.ts'

/** A program that answers no sooner is given up. ms. */
const LIMIT_MS = 120_000

/** Follows no link in the place of a file, and opens nothing that is no regular file. */
const TAR = ['tar', '--create', '--file=-', '--no-recursion', '--null', '--files-from=-']

/**
 * Reads several small files with one program where the store lies, which sends them in one go. They
 * come as far as they are there, in any order, and are not to be trusted: a directory on the way
 * may be a link, and nothing says that a file was whole. Their names have no dash in front.
 *
 * `undefined`: nothing can be read so, because there is no shell, or no such program. Throws
 * StoreError `aborted`.
 *
 * @param directory what `paths` are relative to
 * @param paths of files that have, with 2 KiB for each, not more than EXEC_OUTPUT_BYTES
 */
export async function readTogether(
  store: Store,
  directory: string,
  paths: readonly string[],
  { signal }: CallOptions,
): Promise<Iterable<TarMember> | undefined> {
  const limit = AbortSignal.timeout(LIMIT_MS)
  const input = encode(paths.map((path) => `${path}\0`).join(''))
  try {
    const { stdout } = await store.exec(TAR, {
      cwd: directory,
      input,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    })
    return stdout.length === 0 ? undefined : tarMembers(stdout)
  } catch (error) {
    if (signal?.aborted || !(error instanceof StoreError)) throw error
    return undefined // it has to be done, and will fail, in another way
  }
}
