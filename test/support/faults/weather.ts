import { setTimeout as sleep } from 'node:timers/promises'
import type { Direction, StallProxy } from '../servers/stall-proxy.ts'
import { pick, type Random } from './numbers.ts'
import type { SmallDisk } from './small-disk.ts'

/** What goes wrong around a program. */
export type Weather = 'clear' | 'cut' | 'freeze' | 'full' | 'read-only'

export interface Surroundings {
  /** Between the programs and the store. */
  readonly network?: StallProxy | undefined
  /** That the store lies on. */
  readonly disk?: SmallDisk | undefined
}

/** Every second time it is clear, else one of those that there may be here. */
export function chooseWeather(random: Random, { network, disk }: Surroundings): Weather {
  const bad: Weather[] = [
    ...(network ? (['cut', 'freeze'] as const) : []),
    ...(disk ? (['full', 'read-only'] as const) : []),
  ]
  const [first, ...more] = bad
  const chosen = first === undefined ? 'clear' : pick(random, [first, ...more])
  return random() < 0.5 ? 'clear' : chosen
}

/** Lets it begin. What comes back ends it. */
export async function beginWeather(
  weather: Weather,
  random: Random,
  { network, disk }: Surroundings,
): Promise<() => Promise<void>> {
  const bytes = Math.floor(random() ** 3 * 300_000)
  const direction = pick<Direction>(random, ['up', 'down'])
  const refuses = random() < 0.3
  const thaws = random() < 0.5
  const after = 500 + random() * 5_000
  if (weather === 'cut' && network) {
    network.cutAfter(bytes, direction, refuses ? 'refuse' : undefined)
    return async () => network.resume()
  }
  if (weather === 'freeze' && network) {
    network.stallAfter(bytes, direction)
    const timer = thaws ? setTimeout(() => network.resume(), after) : undefined
    return async () => {
      clearTimeout(timer)
      network.cut()
      network.resume()
    }
  }
  if (weather === 'full' && disk) {
    await disk.fill()
    return () => disk.free()
  }
  if (weather === 'read-only' && disk) {
    // Not while a file is being written.
    for (let tries = 1; tries <= 50 && !(await disk.freeze()); tries++) await sleep(20)
    return () => disk.thaw()
  }
  return async () => {}
}

/**
 * What a network does to somebody who is stopped: his connections end, unless they are frozen.
 * Returns whether they did.
 */
export function cutWhileStopped(random: Random, { network }: Surroundings): boolean {
  const isCut = random() < 0.5 && network !== undefined
  if (isCut) network.cut()
  return isCut
}

export const isBad = (weather: Weather) => weather !== 'clear'

/** Of the disk that the store lies on: it is the same for all. */
export const isOfDisk = (weather: Weather) => weather === 'full' || weather === 'read-only'
