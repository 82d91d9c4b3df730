import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../../core/errors.ts'
import { decode, encode, toFsPath } from '../../core/text.ts'

/**
 * For so long one waits for a lock that was made long ago, by a git that was killed perhaps, and
 * for one that somebody has made just now. ms.
 */
const WAITS = { old: 2_000, young: 60_000 }

/** How often it is looked at again. ms. */
const POLL_MS = 50

/** `impossible`: the file system has no hard links, or it is another one. */
export type LockTaken = 'taken' | 'held' | 'impossible'

/**
 * Takes git's lock of an index: the file `<index>.lock`, which git makes too, and which nobody may
 * replace. Ours is a second name of `file`, which says in its content where the lock is. So it can
 * be told whose lock that is also when this process was killed: git's own are all alike. Throws
 * what the file system says.
 */
export async function takeIndexLock(index: string, file: string, waits = WAITS): Promise<LockTaken> {
  const lock = `${index}.lock`
  fs.writeFileSync(file, encode(lock), { flag: 'wx' })
  const begun = Date.now()
  for (;;) {
    try {
      fs.linkSync(file, toFsPath(lock))
      return 'taken'
    } catch (error) {
      const isHeld = codeOf(error) === 'EEXIST'
      if (isHeld && Date.now() - begun < (isYoung(lock, waits.young) ? waits.young : waits.old)) {
        await sleep(POLL_MS)
        continue
      }
      fs.rmSync(file)
      return isHeld ? 'held' : 'impossible'
    }
  }
}

/** One that is gone by now was young. */
function isYoung(lock: string, limitMs: number): boolean {
  const stats = fs.lstatSync(toFsPath(lock), { throwIfNoEntry: false })
  return stats === undefined || Date.now() - stats.mtimeMs < limitMs
}

/**
 * Whether the lock is the one that `file` is another name of. Somebody may have removed ours, and
 * have one of their own.
 */
export function hasIndexLock(file: string): boolean {
  const ours = fs.lstatSync(file, { bigint: true })
  const there = fs.lstatSync(lockOf(file), { bigint: true, throwIfNoEntry: false })
  return there?.ino === ours.ino && there.dev === ours.dev
}

/** Removes the lock that `file` is another name of, and `file`. That of anybody else stays. */
export function releaseIndexLock(file: string): void {
  if (hasIndexLock(file)) fs.unlinkSync(lockOf(file))
  fs.rmSync(file)
}

function lockOf(file: string): string | Buffer {
  return toFsPath(decode(fs.readFileSync(file)))
}
