import { ConfigError } from '../core/errors.ts'
import { parseCount, parseSize } from './quantities.ts'

/** What a command that moves content may take. */
export interface Limits {
  readonly jobs: number | undefined
  readonly bytesPerSecond: number | undefined
}

/** Reads --jobs and --bwlimit. Throws ConfigError. */
export function limitsOf({
  jobs,
  bwlimit,
}: {
  readonly jobs?: string | undefined
  readonly bwlimit?: string | undefined
}): Limits {
  return {
    jobs: jobs === undefined ? undefined : positive('jobs', parseCount('jobs', jobs, 1024)),
    bytesPerSecond: bwlimit === undefined ? undefined : positive('bwlimit', parseSize('bwlimit', bwlimit)),
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value
  throw new ConfigError(`--${name} is 0: nothing would ever come`)
}
