import type { Access } from '../common/links.ts'

/** So long it is remembered where a directory really is. ms. */
const REMEMBERED_MS = 1_000

/** Directories of keys are not worth it; `abc/def/annex/objects` has so many parts. */
export const REMEMBERED_PARTS = 4

/** More directories than any command works in at the same time. */
const REMEMBERED_COUNT = 1_000

interface Remembered {
  /** Absolute, without links. */
  readonly real: string
  /** All links on the way may be followed whatever is done. */
  readonly strict: boolean
  readonly isLinked: boolean
  readonly untilMs: number
}

/** How much of a path is known, and where that much of it really is. */
export interface Start extends Pick<Remembered, 'real' | 'strict' | 'isLinked'> {
  readonly length: number
}

/** Where the upper directories of a store really are, as far as it was seen just now. */
export class RememberedPlaces {
  /** Directories by their path in the store; `''` is the root. */
  readonly #places = new Map<string, Remembered>()
  /** Most paths begin as the one before. */
  #last: (Remembered & Start & { readonly path: string }) | undefined

  remember(path: string, { real, strict, isLinked }: Omit<Remembered, 'untilMs'>): void {
    if (this.#places.size >= REMEMBERED_COUNT) this.#places.clear()
    this.#places.set(path, { real, strict, isLinked, untilMs: performance.now() + REMEMBERED_MS })
  }

  clear(): void {
    this.#places.clear()
    this.#last = undefined
  }

  /** The longest part of a path that is remembered; undefined when not even the root is. */
  startOf(path: string, access: Access): Start | undefined {
    const now = performance.now()
    const last = this.#last
    if (last !== undefined && path.startsWith(last.path) && isUsable(last, now, access)) {
      if (path.length === last.length || path[last.length] === '/') return last
    }
    const ends: number[] = []
    for (let end = path.indexOf('/'); ends.length < REMEMBERED_PARTS; end = path.indexOf('/', end + 1)) {
      ends.unshift(end < 0 ? path.length : end) // the longest comes first
      if (end < 0) break
    }
    for (const end of ends) {
      const prefix = path.slice(0, end)
      const place = this.#places.get(prefix)
      if (place === undefined || !isUsable(place, now, access)) continue
      const start = { ...place, path: prefix, length: end }
      if (ends.length === REMEMBERED_PARTS && end === ends[0]) this.#last = start // none is longer
      return start
    }
    const root = this.#places.get('')
    return root !== undefined && root.untilMs > now ? fromRoot(root.real) : undefined
  }
}

export function fromRoot(real: string): Start {
  return { length: 0, real, strict: true, isLinked: false }
}

function isUsable({ untilMs, strict }: Remembered, now: number, access: Access): boolean {
  return untilMs > now && (strict || !access.strict)
}

/** Absolute: where a path should be. */
export function joined({ length, real }: Pick<Start, 'length' | 'real'>, path: string): string {
  if (length > 0) return real + path.slice(length)
  return path === '' ? real || '/' : `${real}/${path}`
}

export function partsOf(path: string): number {
  return path === '' ? 0 : path.split('/').length
}
