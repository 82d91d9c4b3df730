import { mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDead, type LockOwner, ourselves } from './lock-owner.ts'

const PREFIX = 'riastore-archive-'
const OWNER = 'owner.json'

/** A directory that is empty for so long was left by a process that was killed before it could write down whose it is. ms. */
const EMPTY_MS = 60_000

/** Makes a directory of our own for bytes on their way. Its name tells the process, should that be killed before it can write down more. */
export async function makeWorkDirectory(parent: string): Promise<string> {
  const us = ourselves()
  const directory = await mkdtemp(join(parent, `${PREFIX}${us.pid}-${us.processStart ?? ''}-`))
  await writeFile(join(directory, OWNER), JSON.stringify(us))
  return directory
}

/** Removes those of processes that were killed: only the user's own, and where it is certain that the process is gone. Never rejects. */
export async function removeDeadWorkDirectories(parent: string = tmpdir()): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names) {
    const directory = join(parent, name)
    if (!name.startsWith(PREFIX)) continue
    try {
      const { uid, mtimeMs } = await stat(directory)
      if (uid !== process.getuid?.()) continue
      const owner = await readOwner(directory)
      if (owner !== undefined) {
        if (isDead(owner)) await rm(directory, { recursive: true, force: true })
      } else if (isDead(ownerInName(name)) || Date.now() - mtimeMs > EMPTY_MS) {
        await rm(join(directory, OWNER), { force: true })
        await rmdir(directory)
      }
    } catch {} // it is not empty, or somebody else takes it away
  }
}

/** Undefined when it was not written, or not to its end. */
async function readOwner(directory: string): Promise<LockOwner | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, OWNER), 'utf8'))
  } catch {
    return undefined
  }
}

/** A process of this machine; ourselves when the name tells none. */
function ownerInName(name: string): LockOwner {
  const [, pid, processStart] = /^(\d+)-(\d+)-/.exec(name.slice(PREFIX.length)) ?? []
  return pid === undefined ? ourselves() : { ...ourselves(), pid: Number(pid), processStart }
}
