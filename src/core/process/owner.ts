import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { codeOf } from '../errors.ts'

/** A process, as a lock file or a work directory names the one that it belongs to. */
export interface ProcessOwner {
  readonly host: string
  readonly pid: number
  readonly user?: string | undefined
  /**
   * When the process started, in ticks since the machine did (proc_pid_stat(5), field 22): the same
   * pid may be given to another process.
   */
  readonly processStart?: string | undefined
  /** Changes with each start of the machine. */
  readonly boot?: string | undefined
  /** In which pids mean the same: containers of one host may have the same name. */
  readonly pidNamespace?: string | undefined
}

export function ourselves(): ProcessOwner {
  return {
    host: hostname(),
    pid: process.pid,
    user: userName(),
    processStart: processState(process.pid)?.start,
    boot: quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    pidNamespace: quietly(() => readlinkSync('/proc/self/ns/pid')),
  }
}

/**
 * Whether it is certain that the process is gone. What runs on another host, or in another
 * container, may well be alive; and so may what runs on a host of our name with another boot id: it
 * may be another host.
 */
export function isDead(owner: ProcessOwner, us: ProcessOwner = ourselves()): boolean {
  if (owner.host !== us.host || isOfAnotherBoot(owner, us) || owner.pidNamespace !== us.pidNamespace) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return true
    if (codeOf(error) !== 'EPERM') return false
  }
  const state = processState(owner.pid)
  if (state === undefined) return false
  return state.ended || (owner.processStart !== undefined && owner.processStart !== state.start)
}

/** Whether the process is one of this machine, as we see it, and lives. */
export function isAliveHere(owner: ProcessOwner, us: ProcessOwner = ourselves()): boolean {
  const isHere = owner.host === us.host && owner.boot === us.boot && owner.pidNamespace === us.pidNamespace
  return isHere && !isDead(owner, us)
}

/** Reads what `ourselves()` gave, from JSON that was parsed. Undefined for anything else. */
export function parseOwner(value: unknown): ProcessOwner | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { host, pid, ...others } = value as Record<string, unknown>
  if (typeof host !== 'string' || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined
  const text = (name: keyof ProcessOwner) => (typeof others[name] === 'string' ? others[name] : undefined)
  return {
    host,
    pid,
    user: text('user'),
    processStart: text('processStart'),
    boot: text('boot'),
    pidNamespace: text('pidNamespace'),
  }
}

/**
 * Whether the process ran on this host before it was started anew, or on another host of the same
 * name.
 */
export function isOfAnotherBoot(owner: ProcessOwner, us: ProcessOwner = ourselves()): boolean {
  return owner.host === us.host && owner.boot !== undefined && us.boot !== undefined && owner.boot !== us.boot
}

/** What Linux tells of a process; undefined elsewhere, or when it is hidden. */
function processState(pid: number): { readonly start: string | undefined; readonly ended: boolean } | undefined {
  return quietly(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // the name before may hold anything
    return { start: fields[19], ended: fields[0] === 'Z' || fields[0] === 'X' }
  })
}

/** Undefined where the user id has no name, as in many containers. */
export function userName(): string | undefined {
  return quietly(() => userInfo().username)
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
