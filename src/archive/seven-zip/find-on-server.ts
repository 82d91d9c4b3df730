import { StoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { SEVEN_ZIP_NAMES } from './find.ts'
import { isSafe, parseVersion, type SevenZipVersion } from './version.ts'

/** `7zr` too: it knows all that is needed here. */
const PROGRAMS = [...SEVEN_ZIP_NAMES, '7zr']

/** A 7z program that a server runs for us. */
export interface ServerProgram {
  readonly name: string
  /** Undefined when it does not tell. */
  readonly version: SevenZipVersion | undefined
  /** It may be given what somebody else made. */
  readonly isSafe: boolean
}

/**
 * Looks for a 7z program on the server: for one that is safe, and where there is none, for any.
 * Undefined when there is none.
 */
export async function findSevenZipOnServer(
  store: Store,
  directory: string,
  call: CallOptions = {},
): Promise<ServerProgram | undefined> {
  if (!store.traits.exec) return undefined
  let old: ServerProgram | undefined
  for (const name of PROGRAMS) {
    try {
      const { code, stdout } = await store.exec([name, 'i'], { ...call, cwd: directory })
      if (code !== 0 || !stdout.includes('7-Zip')) continue
      const version = parseVersion(stdout.toString())
      const program = { name, version, isSafe: isSafe(version) }
      if (program.isSafe) return program
      old ??= program
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'unsupported') throw error
      return undefined // no shell: no program at all
    }
  }
  return old
}
