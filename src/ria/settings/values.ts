import { ConfigError } from '../../core/errors.ts'
import type { SshProvider } from '../../store/ssh/connect.ts'

/** Values of settings, read. Each throws ConfigError that names the setting. */

export function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((choice) => choice === value)
  if (found === undefined) throw new ConfigError(`${name} is ${JSON.stringify(value)}, known are ${known.join(', ')}`)
  return found
}

/** Who makes the ssh connection: `auto` where nothing is set. */
export function sshProvider(name: string, value: string | undefined): SshProvider {
  return oneOf(name, value || 'auto', ['auto', 'ssh2', 'openssh'])
}

export function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (number >= least && number <= most) return number
  throw new ConfigError(`${name} is ${JSON.stringify(value)}: a whole number from ${least} to ${most}?`)
}

/** What becomes a part of requests' headers and signatures. */
export function word(name: string, value: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value)) return value
  throw new ConfigError(`${name} is ${JSON.stringify(value)}: letters, digits, - _ and . only`)
}

export function printable(name: string, value: string): string {
  if (/\p{Cc}/u.test(value))
    throw new ConfigError(`${name} is ${JSON.stringify(value)}: it has control characters in it`)
  return value
}

const UNITS = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 } as const

/** A size in git-annex's spelling (`16MiB`), in bytes; undefined for what is none. */
export function sizeInBytes(value: string): number | undefined {
  const [, digits, unit = ''] = /^([0-9]{1,12}(?:\.[0-9]{1,6})?) ?((?:[kmg]i?)?b)?$/i.exec(value) ?? []
  return digits === undefined ? undefined : Math.floor(Number(digits) * UNITS[unit.toLowerCase() as keyof typeof UNITS])
}
