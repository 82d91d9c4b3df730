import type { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { findSevenZip, type SevenZip } from '../seven-zip/find.ts'
import { INSTALL_HINT, tooOld } from '../seven-zip/version.ts'
import { type Ending, outputOfChild } from './child.ts'
import { damaged, decodeError } from './errors.ts'
import type { DecodeOptions, Folder, PackedStreams } from './folder.ts'
import { openPacked } from './input.ts'
import { memoryNeeded } from './memory-needed.ts'
import { methodNames } from './methods.ts'
import { minimalArchive } from './minimal-archive.ts'
import { writeTemporary } from './temporary.ts'

/** A program that would fill more than this is not started. Bytes. */
const MAX_PROGRAM_MEMORY_BYTES = 2 * 1024 ** 3

/** Opens the archive, which has no name, through its descriptor 3. */
const ARGUMENTS = ['e', '-so', '-t7z', '-y', '-bd', '-sccUTF-8', '--', '/dev/fd/3']

/** Whether there is a program that `unpackByProgram` can use. */
export async function hasProgram(options: DecodeOptions): Promise<boolean> {
  return (await findSevenZip(options.programs))?.isSafe ?? false
}

/**
 * Unpacks any folder by the 7-Zip program, from a temporary archive that holds just this folder.
 * Throws StoreError and InputFailure.
 */
export async function* unpackByProgram(folder: Folder, packed: PackedStreams, options: DecodeOptions): Bytes {
  const program = await findSevenZip(options.programs)
  if (program === undefined) {
    const message = `unpacking ${methodNames(folder)} needs the 7-Zip program: ${INSTALL_HINT}`
    throw decodeError('unsupported', options, message)
  }
  if (!program.isSafe) {
    const message = `unpacking ${methodNames(folder)}: ${tooOld(program.path, program.version)}`
    throw decodeError('unsupported', options, message)
  }
  const memory = memoryNeeded(folder)
  if (memory > MAX_PROGRAM_MEMORY_BYTES) {
    const message = `unpacking its ${methodNames(folder)} data needs ${(memory / 1024 ** 3).toFixed(1)} GiB of memory`
    throw decodeError('unsupported', options, message)
  }
  const { start, end } = minimalArchive(folder, options.packedSizes)
  const size = options.packedSizes.reduce((sum, each) => sum + each, start.length + end.length)
  const content = async function* (): Bytes {
    yield start
    for (const index of options.packedSizes.keys()) yield* openPacked(packed, index, options)
    yield end
  }
  const archive = await writeTemporary(content(), size, options)
  try {
    const { length, ...ending } = yield* outputOfChild(program.path, ARGUMENTS, archive.fd, options)
    if (ending.result !== 0) throw programError(ending, program, folder, options)
    if (length < folder.unpackedSize) {
      // 7-Zip says so when data ends too early.
      const message = `${program.path} gave only ${length} of ${folder.unpackedSize} bytes and no reason`
      throw decodeError('unsupported', options, message)
    }
  } finally {
    await archive.close()
  }
}

function programError(
  { result, said }: Omit<Ending, 'length'>,
  program: SevenZip,
  folder: Folder,
  options: DecodeOptions,
): StoreError {
  if (/unsupported method|not implemented/i.test(said)) {
    return decodeError('unsupported', options, `${program.path} does not know ${methodNames(folder)}`)
  }
  if (result === 8 || /can.?t allocate|not enough memory/i.test(said)) {
    return decodeError('unsupported', options, `${program.path} has not enough memory to unpack it`)
  }
  if (result === 1 || result === 2) return damaged(folder, options, wordsOf(said))
  const how = typeof result === 'string' ? `was ended by ${result}` : `ended with exit code ${result}`
  return decodeError('transient', options, `${program.path} ${how}: ${wordsOf(said)}`)
}

/** The program's own words, without its names for the file and the member. */
function wordsOf(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^ERRORS?: ?/, '').replace(/ : content$/, ''))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('/dev/fd/'))
  return lines[0] ?? '7-Zip cannot unpack it'
}
