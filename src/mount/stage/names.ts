import { FuseError } from '../fuse/opcodes.ts'

const ROOT = 1

interface Named {
  /** Undefined: it was removed, and is only open still. */
  place: { readonly parent: number; readonly name: string } | undefined
  /** How often the kernel was given it, less what it has forgotten. */
  uses: number
}

/** The numbers of what is in a folder that changes, by names: the kernel has only numbers. */
export class Names {
  readonly #numbered = new Map<number, Named>([[ROOT, { place: undefined, uses: 1 }]])
  readonly #numbers = new Map<string, number>()
  #last = ROOT

  get size(): number {
    return this.#numbered.size
  }

  /** The number of a name, which the kernel is given. */
  use(parent: number, name: string): number {
    const id = idOf(parent, name)
    const known = this.#numbers.get(id)
    const named = known === undefined ? undefined : this.#numbered.get(known)
    if (known !== undefined && named !== undefined) {
      named.uses += 1
      return known
    }
    this.#last += 1
    this.#numbered.set(this.#last, { place: { parent, name }, uses: 1 })
    this.#numbers.set(id, this.#last)
    return this.#last
  }

  /** The number of a name that the kernel may know. */
  find(parent: number, name: string): number | undefined {
    return this.#numbers.get(idOf(parent, name))
  }

  forget(number: number, times: number): void {
    const named = this.#numbered.get(number)
    if (named === undefined || number === ROOT) return
    named.uses -= times
    if (named.uses > 0) return
    this.#numbered.delete(number)
    if (named.place !== undefined) this.#unname(number, named.place)
  }

  /** From the top; empty for that. Throws FuseError for what has no name any more. */
  path(number: number): string {
    const parts: string[] = []
    for (let at = number; at !== ROOT; ) {
      const place = this.#numbered.get(at)?.place
      if (place === undefined) throw new FuseError('ENOENT')
      parts.unshift(place.name)
      at = place.parent
    }
    return parts.join('/')
  }

  removed(parent: number, name: string): void {
    const number = this.find(parent, name)
    const named = number === undefined ? undefined : this.#numbered.get(number)
    if (named !== undefined) named.place = undefined
    this.#numbers.delete(idOf(parent, name))
  }

  /** What had the new name is gone. */
  moved(parent: number, name: string, toParent: number, toName: string): void {
    if (parent === toParent && name === toName) return
    this.removed(toParent, toName)
    const number = this.find(parent, name)
    this.#numbers.delete(idOf(parent, name))
    const named = number === undefined ? undefined : this.#numbered.get(number)
    if (number === undefined || named === undefined) return
    named.place = { parent: toParent, name: toName }
    this.#numbers.set(idOf(toParent, toName), number)
  }

  #unname(number: number, { parent, name }: { readonly parent: number; readonly name: string }): void {
    if (this.find(parent, name) === number) this.#numbers.delete(idOf(parent, name))
  }
}

function idOf(parent: number, name: string): string {
  return `${parent}/${name}`
}
