import { FuseError } from '../fuse/opcodes.ts'

const ROOT = 1

interface Named {
  /** Undefined: it was removed, and is only open still. */
  place: { readonly parent: number; readonly name: string } | undefined
  /** How often the kernel was given it, less what it has forgotten. */
  uses: number
  /** What it is; more than one where a file has become another in its place. */
  readonly identities: Set<string>
}

/**
 * The numbers of what is in a folder that changes, by names: the kernel has only numbers. What it
 * keeps of a file's content it keeps by number, so something else under the same name gets another.
 */
export class Names {
  readonly #numbered = new Map<number, Named>([[ROOT, { place: undefined, uses: 1, identities: new Set() }]])
  readonly #numbers = new Map<string, number>()
  #last = ROOT

  get size(): number {
    return this.#numbered.size
  }

  /** The number of what has a name, which the kernel is given. `identity`: tells what it is. */
  use(parent: number, name: string, identity: string): number {
    const id = idOf(parent, name)
    const known = this.#numbers.get(id)
    const named = known === undefined ? undefined : this.#numbered.get(known)
    if (known !== undefined && named?.identities.has(identity)) {
      named.uses += 1
      return known
    }
    this.removed(parent, name) // another was put there beside us
    this.#last += 1
    this.#numbered.set(this.#last, { place: { parent, name }, uses: 1, identities: new Set([identity]) })
    this.#numbers.set(id, this.#last)
    return this.#last
  }

  /** It is about to become something else, and stays what it is for the kernel. */
  becomes(number: number, identity: string): void {
    this.#numbered.get(number)?.identities.add(identity)
  }

  /** Whether it has become something else, or is about to. */
  hasBecome(number: number): boolean {
    return (this.#numbered.get(number)?.identities.size ?? 0) > 1
  }

  /** Whether what has its name now is what the kernel was given. */
  is(number: number, identity: string): boolean {
    return number === ROOT || (this.#numbered.get(number)?.identities.has(identity) ?? false)
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
