import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDead, ourselves, type ProcessOwner } from './owner.ts'

/** The variable by which a program that was started here can be told from all others. */
const MARK = 'RIASTORE_STARTED_BY'

/** How long a killed process may take to be gone. ms. */
const KILL_LIMIT_MS = 5_000

/** The environment for a program that would go on for long without us, should we be killed. */
export function environmentOfChild(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { ...env, [MARK]: markOf(ourselves()) }
}

/**
 * Ends the programs that were started by processes of ours which are gone, and waits until they are
 * gone too. Arguments prove nothing: anybody may start a program that names our files. They are
 * known by their environment, and all of their user ids have to be ours, as otherwise somebody else
 * may have started them. Only Linux shows that.
 */
export async function endOrphans(): Promise<void> {
  for (let waited = 0; waited < KILL_LIMIT_MS; waited += 50) {
    const orphans = processIds().filter(isOrphan)
    if (orphans.length === 0) return
    for (const pid of orphans) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {} // it ended by itself
    }
    await sleep(50)
  }
}

function isOrphan(pid: number): boolean {
  try {
    if (pid === process.pid || !isOurs(pid)) return false
    const marks = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    const owner = ownerOf(marks.find((entry) => entry.startsWith(`${MARK}=`))?.slice(MARK.length + 1) ?? '')
    return owner !== undefined && isDead(owner)
  } catch {
    return false // it is gone
  }
}

/** Real, effective and saved user id. */
function isOurs(pid: number): boolean {
  const uid = process.geteuid?.()
  const [, ...ids] = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return ids.length === 3 && ids.every((id) => Number(id) === uid)
}

function markOf({ pid, processStart = '', pidNamespace = '' }: ProcessOwner): string {
  return `${pid} ${processStart} ${pidNamespace}`
}

function ownerOf(mark: string): ProcessOwner | undefined {
  const [, pid, processStart, pidNamespace] = /^(\d+) (\d+) (\S+)$/.exec(mark) ?? []
  return pid === undefined ? undefined : { ...ourselves(), pid: Number(pid), processStart, pidNamespace }
}

/** Of all processes that run, where the system shows them. */
export function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}
