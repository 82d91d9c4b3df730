import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDead, type LockOwner, ourselves } from '../ria/compaction/lock-owner.ts'
import { makeWorkDirectory, removeDeadWorkDirectories } from '../ria/compaction/work-directory.ts'

/** Of a program that ran on another machine, or that nothing is known of. ms. */
const OLD_MS = 7 * 24 * 3_600_000

/** Says in a work directory who works there. */
const OWNER = 'owner'

/** Makes a directory below `parent` for as long as `work` goes on, and removes what killed programs left there. */
export async function inWorkDirectory<T>(parent: string, work: (directory: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true, mode: 0o700 })
  await removeAbandoned(parent)
  const directory = await mkdtemp(join(parent, 'tmp-'))
  try {
    await writeFile(join(directory, OWNER), JSON.stringify(ourselves()))
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The same among the system's temporary files, where there is no repository. */
export async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  await removeDeadWorkDirectories()
  const directory = await makeWorkDirectory(tmpdir())
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name)
    if (name.startsWith('tmp-') && (await isAbandoned(path))) {
      await rm(path, { recursive: true, force: true }).catch(() => {}) // next time, then
    }
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const owner = await readOwner(path)
  if (owner !== undefined && isDead(owner)) return true
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > OLD_MS
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    const owner = JSON.parse(await readFile(join(path, OWNER), 'utf8'))
    return typeof owner?.host === 'string' && Number.isSafeInteger(owner.pid) ? owner : undefined
  } catch {
    return undefined
  }
}
