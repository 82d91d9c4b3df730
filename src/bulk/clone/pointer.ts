import * as fs from 'node:fs'
import { keyFileName } from '../../core/key.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { keyOfFileName } from '../../ria/layout/places.ts'

/** git-annex takes no longer file for a pointer. Bytes. */
const POINTER_BYTES = 32 * 1024

/** What a pointer begins with; the key's file name follows. */
const POINTER = '/annex/objects/'

/** What git has in place of the content of an unlocked file. */
export function pointerTo(key: string): string {
  return `${POINTER}${keyFileName(key)}\n`
}

/** The key that a file points to; undefined for one that is no pointer, or not there. */
export function readPointer(file: string): string | undefined {
  const path = toFsPath(file)
  try {
    const stats = fs.lstatSync(path)
    if (!stats.isFile() || stats.size > POINTER_BYTES || stats.size <= POINTER.length) return undefined
    const [line = ''] = decode(fs.readFileSync(path)).split('\n')
    return line.startsWith(POINTER) ? keyOfFileName(line.slice(POINTER.length)) : undefined
  } catch {
    return undefined // somebody else is at it
  }
}
