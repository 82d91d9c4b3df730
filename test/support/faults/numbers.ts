/** Gives numbers from 0 to below 1. */
export type Random = () => number

/** The same numbers for the same seed and step, whatever came of the steps before. */
export function numbersOf(seed: number, step: number): Random {
  let state = (Math.imul(seed, 2_654_435_761) ^ Math.imul(step + 1, 2_246_822_519)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: Random, all: readonly [T, ...T[]]): T {
  return all[Math.floor(random() * all.length)] ?? all[0]
}

/** RIASTORE_FAULT_SEED, else another each time. It is printed, so that a run can be done again. */
export function chooseSeed(): number {
  const seed = Number(process.env.RIASTORE_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`RIASTORE_FAULT_SEED=${seed}`)
  return seed
}
