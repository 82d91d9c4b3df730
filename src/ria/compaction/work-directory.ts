import { mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDead, type LockOwner, ourselves } from './lock-owner.ts'

const PREFIX = 'riastore-archive-'
const OWNER = 'owner.json'

/** A directory that is empty for so long was left by a process that was killed before it could write down whose it is. ms. */
const EMPTY_MS = 60_000

/** Makes a directory of our own for bytes on their way. */
export async function makeWorkDirectory(parent: string): Promise<string> {
  const directory = await mkdtemp(join(parent, PREFIX))
  await writeFile(join(directory, OWNER), JSON.stringify(ourselves()))
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
      if (await isOwnerDead(directory)) await rm(directory, { recursive: true, force: true })
      else if (Date.now() - mtimeMs > EMPTY_MS) await rmdir(directory)
    } catch {} // it is not empty, or somebody else takes it away
  }
}

async function isOwnerDead(directory: string): Promise<boolean> {
  try {
    const owner: LockOwner = JSON.parse(await readFile(join(directory, OWNER), 'utf8'))
    return isDead(owner)
  } catch {
    return false
  }
}
