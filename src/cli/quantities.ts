import { ConfigError } from '../core/errors.ts'

const MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Reads `30d`, `12h`, `90m`, `10s`, `2w`; in ms. Throws ConfigError. */
export function parseAge(name: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([smhdw])$/i.exec(text.trim()) ?? []
  if (number === undefined || unit === undefined) {
    throw new ConfigError(`--${name} ${JSON.stringify(text)} is no age: 30d, 12h, 90m, 10s and 2w are`)
  }
  return Number(number) * MS[unit.toLowerCase() as keyof typeof MS]
}

/** Reads `4096`, `10k`, `1.5M`, `2GiB`, in powers of 1024; in bytes. Throws ConfigError. */
export function parseSize(name: string, text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim()) ?? []
  if (number === undefined)
    throw new ConfigError(`--${name} ${JSON.stringify(text)} is no size: 4096, 10k, 1.5M and 2GiB are`)
  return Math.floor(Number(number) * 1024 ** ' kmgtp'.indexOf(unit.toLowerCase() || ' '))
}

/** Reads a whole number in a range. Throws ConfigError. */
export function parseCount(name: string, text: string, most: number = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
  if (number <= most) return number
  const range = most === Number.MAX_SAFE_INTEGER ? 'a whole number' : `a whole number from 0 to ${most}`
  throw new ConfigError(`--${name} ${JSON.stringify(text)} is not ${range}`)
}

/** A number of bytes for people: `17 B`, `1.5 KiB`. */
export function formatSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** A time for people: `7 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function formatTime(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}
