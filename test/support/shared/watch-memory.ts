import { setTimeout as sleep } from 'node:timers/promises'

/** Returns what tells by how many bytes this process has grown at most since. */
export function watchMemory(): () => number {
  const before = process.memoryUsage.rss()
  let most = before
  let isOver = false
  const look = async () => {
    while (!isOver) {
      most = Math.max(most, process.memoryUsage.rss())
      await sleep(20, undefined, { ref: false })
    }
  }
  void look()
  return () => {
    isOver = true
    return Math.max(most, process.memoryUsage.rss()) - before
  }
}
