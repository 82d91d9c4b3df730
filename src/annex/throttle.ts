/** git-annex asks for progress that is not too frequent. ms between two reports. */
const INTERVAL_MS = 100

/**
 * Passes a growing number on at most ten times a second; nothing at all for what is done sooner
 * than that.
 */
export function throttle(report: (bytes: number) => void): (bytes: number) => void {
  let last = performance.now()
  let reported = 0
  return (bytes) => {
    const now = performance.now()
    if (bytes === reported || now - last < INTERVAL_MS) return
    last = now
    reported = bytes
    report(bytes)
  }
}
