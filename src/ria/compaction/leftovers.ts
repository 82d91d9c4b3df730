import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallOptions, Store } from '../../store/store.ts'
import { archivesDirectory, fileNameOf, SUCCESSOR } from './places.ts'
import { removeDeadWorkDirectories } from './work-directory.ts'

/** A temporary name (store/temporary.ts), or what 7z makes of one for its own temporary file beside it. */
const LEFTOVER = /^riastore-\d+-[0-9a-f]{12}-\d+\.tmp/

/** How long a killed process may take to be gone. ms. */
const KILL_LIMIT_MS = 5_000

export interface LeftoverOptions extends CallOptions {
  /** Where bytes that passed through this machine waited. */
  readonly temporaryDirectory?: string | undefined
}

/**
 * Removes what a dead run left in `archives/`, and on this machine. Only for who holds the lock: nobody else works there. Gives the number of files in
 * the store.
 */
export async function removeLeftovers(
  store: Store,
  directory: string,
  { temporaryDirectory, ...call }: LeftoverOptions = {},
): Promise<number> {
  const archives = archivesDirectory(directory)
  if (store.traits.local && store.traits.exec) await endOrphans(`${store.traits.root}/${archives}`)
  await removeDeadWorkDirectories(temporaryDirectory)
  const paths: string[] = []
  for await (const { path } of store.list(archives, call)) {
    const name = fileNameOf(path)
    if (LEFTOVER.test(name) || name.startsWith(SUCCESSOR)) paths.push(path)
  }
  for (const path of paths) await store.remove(path, call)
  return paths.length
}

/**
 * Ends the 7z of a run that was killed: it goes on without its parent, and would make its file anew after that was removed. Such a process names
 * a temporary file in the archive's directory as one of its arguments. Only Linux shows that.
 */
async function endOrphans(archives: string): Promise<void> {
  let real: string
  try {
    real = realpathSync(archives)
  } catch {
    return
  }
  for (let waited = 0; waited < KILL_LIMIT_MS; waited += 50) {
    const orphans = processesWorkingOn(real)
    if (orphans.length === 0) return
    for (const pid of orphans) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {} // it ended by itself, or belongs to somebody else
    }
    await sleep(50)
  }
}

function processesWorkingOn(archives: string): number[] {
  return pids().filter((pid) => {
    if (pid === process.pid) return false
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`).toString().split('\0')
      return words.some((word) => LEFTOVER.test(fileNameOf(word)) && realpathSync(dirname(word)) === archives)
    } catch {
      return false
    }
  })
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
