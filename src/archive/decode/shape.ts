import { decodeError } from './errors.ts'
import type { DecodeOptions, Folder } from './folder.ts'

const MAX_CODERS = 32

/**
 * Throws `corrupt` unless the folder's numbers fit together: each input has one source, and the
 * sizes are sizes.
 */
export function checkShape(folder: Folder, options: DecodeOptions): void {
  const reason = objection(folder, options.packedSizes)
  if (reason !== undefined) {
    throw decodeError('corrupt', options, `the archive's description of its packed data is damaged: ${reason}`)
  }
}

function objection(folder: Folder, packedSizes: readonly number[]): string | undefined {
  const { coders, binds, packedInputs } = folder
  if (coders.length === 0 || coders.length > MAX_CODERS) return `${coders.length} coders`
  if (!coders.every((coder) => coder.outputs === 1)) return 'a coder with several outputs'
  const sizes = [folder.unpackedSize, ...packedSizes, ...coders.map(({ unpackedSize }) => unpackedSize)]
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) return 'an impossible size'
  if (!coders.every(({ method }) => /^([0-9a-f]{2}){1,15}$/i.test(method))) return 'an impossible method'
  const inputs = coders.reduce((sum, coder) => sum + coder.inputs, 0)
  const outputs = coders.reduce((sum, coder) => sum + coder.outputs, 0)
  if (packedInputs.length !== packedSizes.length) return 'another number of packed streams than sizes'
  if (binds.length !== outputs - 1) return 'not one output is left over'
  const sources = new Set([...binds.map(({ input }) => input), ...packedInputs])
  if (sources.size !== inputs || binds.length + packedInputs.length !== inputs) return 'an input without a source'
  if (![...sources].every((input) => input >= 0 && input < inputs)) return 'an unknown input'
  const bound = new Set(binds.map(({ output }) => output))
  if (bound.size !== binds.length || ![...bound].every((output) => output >= 0 && output < outputs)) {
    return 'an unknown output'
  }
  // With one output each, which is all that the format's programs know, an output has the number of
  // its coder.
  const main = coders.find((_, i) => !bound.has(i))
  if (main?.unpackedSize !== folder.unpackedSize) return 'two lengths for the same content'
  return undefined
}
