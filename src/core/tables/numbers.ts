type Values = Float64Array | Uint32Array | Uint16Array | Uint8Array

/**
 * A number for each place from 0 on: 0 where none was set. It grows as it is set, and takes what a
 * typed array takes, outside of the heap that JavaScript's collector walks.
 */
export class Numbers<T extends Values> {
  readonly #make: new (
    length: number,
  ) => T
  #values: T

  constructor(make: new (length: number) => T) {
    this.#make = make
    this.#values = new make(1024)
  }

  get(place: number): number {
    return this.#values[place] ?? 0
  }

  set(place: number, value: number): void {
    if (place >= this.#values.length) {
      const grown = new this.#make(2 ** Math.ceil(Math.log2(place + 1)))
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[place] = value
  }
}
