import type { HeaderReader } from './header-reader.ts'
import { MAX_CODERS, MAX_DESCRIPTIONS, MAX_PROPERTIES_BYTES } from './limits.ts'

/**
 * How a folder was packed, apart from its sizes. Most folders of an archive share one. Plain data:
 * it is kept as JSON.
 */
export interface FolderDescription {
  readonly coders: readonly CoderDescription[]
  readonly binds: readonly { readonly input: number; readonly output: number }[]
  /** The input that each packed stream goes to. */
  readonly packedInputs: readonly number[]
  /** The coder whose output is the folder's content. */
  readonly mainCoder: number
}

export interface CoderDescription {
  /** Lower-case hex: `00` is Copy, `030101` LZMA. */
  readonly method: string
  /** Lower-case hex. */
  readonly properties: string
  readonly inputs: number
}

const COPY = '00'
const AES = '06f10701'

/** The folder's packed stream is its content. */
export function isCopy({ coders }: FolderDescription): boolean {
  return coders.length === 1 && coders[0]?.method === COPY
}

/** A folder's description takes so many bytes at most. */
const MAX_DESCRIPTION_BYTES = MAX_CODERS * (MAX_PROPERTIES_BYTES + 64)

/** Parses folder descriptions; each that is the same as an earlier one is given the same number. */
export class FolderDescriptions {
  readonly all: FolderDescription[] = []
  readonly #numbers = new Map<string, number>()
  #last: Buffer = Buffer.alloc(0)
  #lastNumber = 0

  /**
   * The number of the next one if it is the same as the one before and is buffered, else -1: not
   * async, for there may be millions.
   */
  nextSame(reader: HeaderReader): number {
    // The parts of a description say how long it is: what begins like one is just that one.
    return reader.takeIf(this.#last) ? this.#lastNumber : -1
  }

  /** Parses the next one and returns its number. */
  async next(reader: HeaderReader): Promise<number> {
    await reader.fill(MAX_DESCRIPTION_BYTES)
    const raw = reader.peek(MAX_DESCRIPTION_BYTES)
    const before = reader.buffered
    const description = parseDescription(reader)
    this.#last = Buffer.from(raw.subarray(0, before - reader.buffered))
    this.#lastNumber = this.#numberOf(this.#last.toString('latin1'), description, reader)
    return this.#lastNumber
  }

  #numberOf(key: string, description: FolderDescription, reader: HeaderReader): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.all.length >= MAX_DESCRIPTIONS) throw reader.unsupported('too many different ways of compression')
    this.#numbers.set(key, this.all.length)
    return this.all.push(description) - 1
  }
}

function parseDescription(reader: HeaderReader): FolderDescription {
  const count = reader.number()
  if (count === 0) throw reader.corrupt('a folder without coders')
  if (count > MAX_CODERS) throw reader.unsupported(`${count} coders in one folder`)
  const coders = Array.from({ length: count }, () => parseCoder(reader))
  const inputs = coders.reduce((sum, coder) => sum + coder.inputs, 0)
  const binds = Array.from({ length: count - 1 }, () => ({ input: reader.number(), output: reader.number() }))
  if (inputs < count) throw reader.corrupt('a folder has too few inputs')
  const unbound = Array.from({ length: inputs }, (_, i) => i).filter((i) => !binds.some(({ input }) => input === i))
  const packed = inputs - binds.length
  const packedInputs = packed === 1 ? unbound : Array.from({ length: packed }, () => reader.number())
  // Each input comes from just one place, and each output but one goes to just one: else it is no
  // tree.
  const used = new Set([...binds.map(({ input }) => input), ...packedInputs])
  const given = new Set(binds.map(({ output }) => output))
  const valid =
    used.size === inputs &&
    given.size === count - 1 &&
    [...used].every((input) => input < inputs) &&
    [...given].every((output) => output < count)
  if (!valid) throw reader.corrupt('the coders of a folder are not joined well')
  const mainCoder = coders.findIndex((_, i) => !given.has(i))
  return { coders, binds, packedInputs, mainCoder }
}

function parseCoder(reader: HeaderReader): CoderDescription {
  const flags = reader.byte()
  if ((flags & 0xc0) !== 0) throw reader.unsupported('a coder of an unknown form')
  const method = hex(reader, flags & 0x0f)
  if (method === AES) throw reader.unsupported('it is encrypted')
  const isComplex = (flags & 0x10) !== 0
  const inputs = isComplex ? reader.number() : 1
  const outputs = isComplex ? reader.number() : 1
  if (inputs < 1 || inputs > MAX_CODERS || outputs !== 1) {
    throw reader.unsupported(`a coder with ${inputs} inputs and ${outputs} outputs`)
  }
  const length = (flags & 0x20) === 0 ? 0 : reader.number()
  if (length > MAX_PROPERTIES_BYTES) throw reader.unsupported(`a coder with ${length} bytes of properties`)
  return { method, properties: hex(reader, length), inputs }
}

function hex(reader: HeaderReader, length: number): string {
  const bytes = reader.take(length)
  if (bytes.length < length) throw reader.corrupt('it ends too early')
  return Buffer.from(bytes).toString('hex')
}
