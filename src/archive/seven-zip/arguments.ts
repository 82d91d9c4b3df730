import type { Bytes, Source } from '../../core/source.ts'
import { isText } from '../../core/text.ts'

/** 0: stored as it is (Copy). 1 to 9: LZMA2, each member by itself. */
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

/**
 * What 7-Zip shall do. `listFile` holds names, see `listOfNames`; for `add` they are relative to
 * the working directory.
 */
export type SevenZipCommand =
  | { readonly command: 'add'; readonly archive: string; readonly listFile: string; readonly level: Level }
  | { readonly command: 'remove'; readonly archive: string; readonly listFile: string }
  | { readonly command: 'test'; readonly archive: string }

/** In UTF-8, without questions; progress and names on stdout. */
const SPEECH = ['-y', '-sccUTF-8', '-bb1', '-bsp1']
/** Names are taken as they are: case matters, `*` and `?` mean nothing. */
const NAMES = ['-ssc', '-spd', '-scsUTF-8']

/**
 * The parameters of a 7-Zip program (any since p7zip 16), for here or for a shell elsewhere. A new
 * archive has one folder a member, no filters that old programs lack, and a plain end header. What
 * is in an old one is not packed again. The new archive is written to `<archive>.tmp` beside the
 * old one (see `isTemporaryOf`) and renamed; an archive that was not there before is written under
 * its own name.
 */
export function sevenZipArguments(command: SevenZipCommand): string[] {
  switch (command.command) {
    case 'add': {
      const form = ['-t7z', `-mx=${command.level}`, '-ms=off', '-mf=off', '-mhc=off', '-mtm=on', '-mtc=off', '-mta=off']
      return ['a', ...form, ...NAMES, ...SPEECH, `-i@${command.listFile}`, '--', command.archive]
    }
    case 'remove':
      return ['d', '-t7z', '-ms=off', '-mhc=off', ...NAMES, ...SPEECH, `-i@${command.listFile}`, '--', command.archive]
    case 'test':
      return ['t', '-t7z', ...SPEECH, '--', command.archive]
  }
}

/** Names of files or members, each once. There may be a million. */
export interface Names extends Iterable<string> {
  readonly size: number
  has(name: string): boolean
}

/** A list file is written in pieces of about so many characters. */
const PIECE_LENGTH = 64 * 1024

/**
 * The content of a list file. Each name is in quotes: without them 7-Zip takes spaces and quotes
 * off its ends.
 */
export function listOfNames(names: Iterable<string>): Source {
  let size = 0
  for (const name of names) size += Buffer.byteLength(name) + 3
  return { size, open: () => piecesOf(names) }
}

async function* piecesOf(names: Iterable<string>): Bytes {
  let piece = ''
  for (const name of names) {
    piece += `"${name}"\n`
    if (piece.length < PIECE_LENGTH) continue
    yield Buffer.from(piece)
    piece = ''
  }
  if (piece !== '') yield Buffer.from(piece)
}

/**
 * Whether 7-Zip stores a file under exactly this name and tells when it is missing. Names that are
 * no UTF-8 or hold line ends cannot be listed; with `*` or `?` among the names, 7-Zip reads whole
 * directories and says nothing of missing files.
 */
export function isPackable(name: string): boolean {
  if (name === '' || !isText(name) || hasControlCharacter(name) || /[*?]/.test(name)) return false
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/** 7-Zip prints those in another way. */
function hasControlCharacter(name: string): boolean {
  for (const character of name) if (character < ' ' || character === '\x7f') return true
  return false
}

/**
 * Whether a file is what 7-Zip leaves when it is killed while it changes the archive:
 * `<archive>.tmp`, `.tmp1`, … Both are names without directories.
 */
export function isTemporaryOf(archive: string, file: string): boolean {
  return file.startsWith(`${archive}.tmp`) && /^\d*$/.test(file.slice(archive.length + 4))
}
