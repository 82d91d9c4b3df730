import { readFileSync } from 'node:fs'

/**
 * Calls `stalled` once a process has done nothing for `stallMs`: `moved` was not called and, when
 * `countsComputing`, it did not compute. Where it cannot be seen whether it computes it is left
 * alone.
 */
export function watchStall(
  pid: number | undefined,
  stallMs: number,
  countsComputing: boolean | undefined,
  stalled: () => void,
): { readonly moved: () => void; readonly end: () => void } {
  let last = performance.now()
  let computed = countsComputing ? cpuTime(pid) : undefined
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

/** In ticks, of Linux; undefined elsewhere. */
function cpuTime(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return undefined
  }
}
