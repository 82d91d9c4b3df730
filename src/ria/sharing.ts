import { ConfigError } from '../core/errors.ts'
import type { Sharing } from '../store/store.ts'

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
