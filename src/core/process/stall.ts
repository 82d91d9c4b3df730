import { readFileSync } from 'node:fs'
import { processIds } from './orphans.ts'

/**
 * Calls `stalled` once a process has done nothing for `stallMs`: `moved` was not called and, when
 * `countsComputing`, neither it nor what it started computed. Where it cannot be seen whether they
 * compute it is left alone.
 */
export function watchStall(
  pid: number | undefined,
  stallMs: number,
  countsComputing: boolean | undefined,
  stalled: () => void,
): { readonly moved: () => void; readonly end: () => void } {
  if (stallMs === Number.POSITIVE_INFINITY) return { moved: () => {}, end: () => {} }
  let last = performance.now()
  // Not looked at yet: that takes milliseconds where there are many processes.
  let computed: number | undefined
  const moved = () => {
    last = performance.now()
  }
  const intervalMs = stallMs / 10
  let ticked = last
  const timer = setInterval(() => {
    // When we did not run ourselves, stopped or on a laptop that slept, nothing else need have.
    if (performance.now() - ticked > 2 * intervalMs) moved()
    ticked = performance.now()
    if (countsComputing) {
      const now = cpuTime(pid)
      if (now === undefined || now !== computed) moved()
      computed = now
    }
    if (performance.now() - last < stallMs) return
    clearInterval(timer)
    stalled()
  }, intervalMs)
  timer.unref()
  return { moved, end: () => clearInterval(timer) }
}

/**
 * What a process and all that it started have computed, in ticks; undefined where the system does
 * not show it. It may become less when one of them ends: any change counts.
 */
function cpuTime(pid: number | undefined): number | undefined {
  const all = new Map(processIds().map((id) => [id, readTimes(id)] as const))
  const own = pid === undefined ? undefined : all.get(pid)
  if (pid === undefined || own === undefined) return undefined
  let total = 0
  const family = [pid]
  for (let member = family.pop(); member !== undefined; member = family.pop()) {
    total += all.get(member)?.ticks ?? 0
    for (const [child, times] of all) if (times?.parent === member) family.push(child)
  }
  return total
}

/** proc_pid_stat(5), fields 4 and 14 to 17: its own time, and that of children which ended. */
function readTimes(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, ...times] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]))
    return { parent: parent ?? 0, ticks: times.reduce((sum, time) => sum + time, 0) }
  } catch {
    return undefined // it is gone, or this is not Linux
  }
}
