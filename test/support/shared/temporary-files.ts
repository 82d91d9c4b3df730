import { accessSync, constants, statfsSync } from 'node:fs'

/** Linux's own file system in memory. */
const MEMORY = '/dev/shm'
/** What a run needs at most, with room to spare; bytes. */
const ENOUGH = 12 * 1024 ** 3

/**
 * Returns the directory for the temporary files of a test run. That is in memory, where there is
 * plenty of it: git-annex and our programs sync each small file that they write, and on a disk much
 * of a run is spent in waiting for that. Otherwise, or if somebody chose a directory by TMPDIR,
 * undefined: the usual one.
 */
export function temporaryFilesInMemory(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.TMPDIR !== undefined || process.availableMemory() < ENOUGH) return undefined
  try {
    accessSync(MEMORY, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize < ENOUGH ? undefined : MEMORY
  } catch {
    return undefined
  }
}
