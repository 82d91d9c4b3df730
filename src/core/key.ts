/**
 * A git-annex key, read from its text `BACKEND[-sSIZE][-mMTIME][-SCHUNKSIZE-CCHUNK]--NAME`.
 * Source: git-annex's internals/key_format page.
 */
export interface Key {
  readonly text: string
  readonly backend: string
  readonly name: string
  /**
   * Length in bytes of the stored content (of the chunk, for a chunk key); undefined when the key
   * does not say.
   */
  readonly size: number | undefined
  /** True for a chunk of a key: its name is the checksum of the whole, not of the chunk. */
  readonly isChunk: boolean
}

const KEY = /^([^-]+)((?:-[a-zA-Z][0-9]+)*)--(.*)$/su

/**
 * Reads a key. A text that is no key becomes one of unknown backend and size: git-annex decides
 * what a key is.
 */
export function parseKey(text: string): Key {
  const [, backend, fields, name] = KEY.exec(text) ?? []
  if (backend === undefined || fields === undefined || name === undefined) {
    return { text, backend: '', name: text, size: undefined, isChunk: false }
  }
  const field = new Map(fields.split('-').map((part) => [part.charAt(0), Number(part.slice(1))]))
  const whole = field.get('s')
  const chunkSize = field.get('S')
  const chunk = field.get('C')
  const isChunk = chunkSize !== undefined && chunk !== undefined
  const size = isChunk ? chunkLength(whole, chunkSize, chunk) : whole
  return { text, backend, name, size: Number.isSafeInteger(size) ? size : undefined, isChunk }
}

function chunkLength(whole: number | undefined, chunkSize: number, chunk: number): number | undefined {
  if (whole === undefined) return undefined
  const length = Math.min(chunkSize, whole - (chunk - 1) * chunkSize)
  return length >= 0 ? length : undefined
}

const ESCAPES: Readonly<Record<string, string>> = { '/': '%', '%': '&s', '&': '&a', ':': '&c' }

/**
 * The file name of a key, as git-annex and ORA write it in an object directory:
 * `/→% %→&s &→&a :→&c`.
 */
export function keyFileName(text: string): string {
  return text.replace(/[/%&:]/g, (character) => ESCAPES[character] ?? character)
}

/** Whether a key's content may change: the list of git bundles that git-remote-annex keeps. */
export function isMutable({ backend }: Key): boolean {
  return backend === 'GITMANIFEST'
}
