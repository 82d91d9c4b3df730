import { readdir, readFile } from 'node:fs/promises'

interface ProcessInfo {
  readonly pid: number
  readonly parent: number
  /** Program and parameters, as far as we may see them. */
  readonly command: string
}

/** Lists the processes of this machine. */
export async function processes(): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map((pid) => processInfo(Number(pid))))
  return found.filter((info) => info !== undefined)
}

/** Whether it is still there, and no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processInfo(pid)) !== undefined
}

async function processInfo(pid: number): Promise<ProcessInfo | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything; the parent is the second field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
    if (fields[0] === 'Z') return undefined
    return { pid, parent: Number(fields[1]), command }
  } catch {
    return undefined
  }
}

/** Returns the processes that `pid` started, and theirs. */
export async function descendants(pid: number): Promise<ProcessInfo[]> {
  const all = await processes()
  const children = (parent: number): ProcessInfo[] =>
    all.filter((info) => info.parent === parent).flatMap((info) => [info, ...children(info.pid)])
  return children(pid)
}

/**
 * Kills a process (unless `root` is false) and all that descend from it, wherever their process
 * groups are.
 */
export async function killTree(pid: number, options: { readonly root?: boolean } = {}): Promise<void> {
  const below = await descendants(pid)
  for (const each of [...(options.root === false ? [] : [pid]), ...below.map((info) => info.pid)])
    signal(each, 'SIGKILL')
}

/** Sends a signal; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself.
  }
}
