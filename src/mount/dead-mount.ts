import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { type MountPrograms, unmount } from './mounting.ts'

/**
 * Unmounts what a riastore that was killed left mounted, which nobody can look into. Throws
 * ConfigError for what somebody else left, and says how to clear it.
 */
export async function clearDeadMount(directory: string, { fusermount }: MountPrograms): Promise<void> {
  const place = join(await realpath(dirname(directory)), basename(directory))
  if (!(await isOurMount(place))) {
    const how = `fusermount3 -u ${directory}, or as root umount ${directory}`
    throw new ConfigError(`what was mounted on ${directory} is dead, and none of yours by riastore: ${how}`)
  }
  await unmount(fusermount, place)
}

/** By the system's list. Source: proc_pid_mountinfo(5). */
async function isOurMount(place: string): Promise<boolean> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const uid = `user_id=${process.geteuid?.()}`
  // One that is mounted over another one comes later.
  const line = lines.findLast((each) => unescaped(each.split(' ')[4] ?? '') === place)
  const [type, , options = ''] = line?.split(' - ').at(-1)?.split(' ') ?? []
  return type === 'fuse.riastore' && options.split(',').includes(uid)
}

/** White space and \ are written as octal numbers there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
