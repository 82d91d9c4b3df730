import { ConfigError } from '../core/errors.ts'
import type { PutOptions, Sharing } from './store.ts'

/**
 * A key's file is read-only, as in git-annex's own object directories. The umask is taken off by
 * whoever creates it.
 */
export const FILE_MODE = 0o444
export const DIRECTORY_MODE = 0o777
const SET_GROUP_ID = 0o2000

/** The mode with which a file is made that will have less than the usual one: it never has more. */
export function newFileMode({
  sharing,
  readers,
}: Pick<PutOptions, 'readers'> & { sharing?: Sharing | undefined }): number {
  if (sharing?.force) return FILE_MODE & (sharing.mode | 0o400)
  return FILE_MODE & (sharing === undefined && readers !== undefined ? readers | 0o400 : FILE_MODE)
}

/**
 * The mode that git's core.sharedRepository gives a file that has `mode` now (git-config,
 * core.sharedRepository).
 */
export function sharedFileMode(mode: number, sharing: Sharing): number {
  const writable = (mode & 0o200) !== 0
  const tweak = writable ? sharing.mode : sharing.mode & ~0o222
  return sharing.force ? (mode & ~0o777) | tweak : mode | tweak
}

/**
 * The same for a directory: whoever may read it may search it, and new files get its group if that
 * may do anything.
 */
export function sharedDirectoryMode(mode: number, sharing: Sharing): number {
  const search = (bits: number) => bits | ((bits & 0o444) >> 2)
  const bits = search(sharing.mode)
  const shared = sharing.force ? (mode & ~0o777) | bits : search(mode | bits)
  return (shared & 0o060) === 0 ? shared : shared | SET_GROUP_ID
}

/**
 * Reads core.sharedRepository of a dataset's bare repository (git-config). undefined: not shared.
 */
export function parseSharing(value: string | undefined): Sharing | undefined {
  if (value === undefined || /^(umask|false|no|off|0|)$/i.test(value)) return undefined
  if (/^(group|true|yes|on|1)$/i.test(value)) return { mode: 0o660, force: false }
  if (/^(all|world|everybody|2)$/i.test(value)) return { mode: 0o664, force: false }
  const mode = /^[0-7]+$/.test(value) ? Number.parseInt(value, 8) : 0
  if ((mode & 0o600) === 0o600) return { mode: mode & 0o666, force: true } // git refuses less and takes no x
  throw new ConfigError(`core.sharedRepository of the dataset is ${JSON.stringify(value)}, which git does not take`)
}
