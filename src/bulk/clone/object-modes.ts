import type { GitConfig } from '../../core/git-config.ts'

/**
 * The permissions that git-annex gives what it keeps (its internals/lockdown page), POSIX modes.
 */
export interface ObjectModes {
  /** For open(2), before the umask: an object cannot be written to. */
  readonly file: number
  /** Added to what the umask left of an object. */
  readonly addToFile: number
  /** Added to directories that are made. */
  readonly addToDirectory: number
  /**
   * A key's directory loses its write permissions, so that nobody removes what a link leads to. Not
   * where a group shares the repository.
   */
  readonly locksDirectory: boolean
}

const UNSHARED: ObjectModes = { file: 0o444, addToFile: 0, addToDirectory: 0, locksDirectory: true }
const GROUP: ObjectModes = { file: 0o444, addToFile: 0o440, addToDirectory: 0o770, locksDirectory: false }
const ALL: ObjectModes = { file: 0o444, addToFile: 0o444, addToDirectory: 0o775, locksDirectory: false }

/**
 * By core.sharedRepository. Of mode bits git-annex takes no notice before 10.20230407; see
 * leftToAnnex for later ones.
 */
export function objectModes(config: GitConfig): ObjectModes {
  const shared = config.get('core.sharedrepository') ?? ''
  if (/^(group|true|yes|on|1)$/i.test(shared)) return GROUP
  if (/^(all|world|everybody|2)$/i.test(shared)) return ALL
  return UNSHARED
}
