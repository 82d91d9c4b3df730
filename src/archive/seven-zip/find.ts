import { programsOnPath } from '../../core/process/find-program.ts'
import { run } from '../../core/process/run.ts'
import { isSafe, parseVersion, type SevenZipVersion } from './version.ts'

/** A 7-Zip program that can be run. */
export interface SevenZip {
  /** Absolute path. */
  readonly path: string
  /** `7zz`, `7z` or `7za`. */
  readonly name: string
  /** Undefined when it does not tell. */
  readonly version: SevenZipVersion | undefined
  /** It may be given what somebody else made, see `MINIMUM`. */
  readonly isSafe: boolean
}

export interface FindOptions {
  /** Directories to look in, as in PATH. Default: PATH. */
  readonly path?: string | undefined
}

/** The best ones first. `7zr`, which some systems have alone, knows few methods. */
export const SEVEN_ZIP_NAMES: readonly string[] = ['7zz', '7z', '7za']

/** A program that has not told its version by then does not. ms. */
const VERSION_MS = 10_000

const found = new Map<string, Promise<SevenZip | undefined>>()

/**
 * Looks for a 7-Zip program on PATH: for one that is safe, and where there is none, for any.
 * undefined when there is none. Remembered for the life of the process.
 */
export function findSevenZip({ path = process.env.PATH ?? '' }: FindOptions = {}): Promise<SevenZip | undefined> {
  let search = found.get(path)
  if (search === undefined) {
    search = look(path)
    found.set(path, search)
  }
  return search
}

async function look(directories: string): Promise<SevenZip | undefined> {
  let old: SevenZip | undefined
  for (const name of SEVEN_ZIP_NAMES) {
    for await (const path of programsOnPath(name, directories)) {
      const version = await versionOf(path)
      const program = { path, name, version, isSafe: isSafe(version) }
      if (program.isSafe) return program
      old ??= program
    }
  }
  return old
}

async function versionOf(path: string): Promise<SevenZipVersion | undefined> {
  try {
    const { stdout } = await run(path, ['i'], { limitMs: VERSION_MS })
    return parseVersion(stdout.toString())
  } catch {
    return undefined
  }
}
