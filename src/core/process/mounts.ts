import * as fs from 'node:fs'
import { decode } from '../text.ts'

/** As the system names them: the file systems on a disk, or in the memory, of this machine. */
const ON_DISK: ReadonlySet<string> = new Set('ext2 ext3 ext4 xfs btrfs tmpfs zfs f2fs bcachefs overlay'.split(' '))

/**
 * Whether a file system is mounted somewhere below a directory that may stop answering: any other
 * than those on a disk, or in the memory, of this machine. False where the system does not tell.
 */
export async function hasSlowMountBelow(directory: string | Buffer): Promise<boolean> {
  try {
    const mounts = await fs.promises.readFile('/proc/self/mountinfo')
    const real = await fs.promises.realpath(directory, { encoding: 'buffer' as BufferEncoding })
    return namesSlowMount(decode(mounts), decode(real as unknown as Buffer))
  } catch {
    return false
  }
}

/** The same by the text of proc_pid_mountinfo(5). `directory` is absolute, without links. */
export function namesSlowMount(mountinfo: string, directory: string): boolean {
  const above = directory === '/' ? '/' : `${directory}/`
  return mountinfo.split('\n').some((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const place = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_all, octal) => String.fromCharCode(parseInt(octal, 8)))
    return place?.startsWith(above) === true && !ON_DISK.has(after.split(' ')[0] ?? '')
  })
}
