import { keyFileName, parseKey } from '../../core/key.ts'
import { keyPaths } from './paths.ts'

/** Where the parts of a dataset lie that compaction works with, relative to the store's root. */
export const objectsDirectory = (directory: string) => `${directory}/annex/objects`
export const archivesDirectory = (directory: string) => `${directory}/archives`
export const lockPath = (directory: string) => `${directory}/archives/lock`
/** There while the archive may have holes where dropped members are (admin/holes). */
export const punchedPath = (directory: string) => `${directory}/archives/punched`
/** What the marks of those begin with who succeed a dead lock. */
export const SUCCESSOR = 'lock-after-'
/**
 * What the directory begins with through which the holder of a lock makes all its changes
 * (holder.ts).
 */
export const HOLDER = 'holder-'
export const holderDirectory = (directory: string, token: string) => `${directory}/archives/${HOLDER}${token}`
export const droppedDirectory = (directory: string) => `${directory}/archives/dropped`
export const tombstonePath = (directory: string, fileName: string) => `${directory}/archives/dropped/${fileName}`

/** Where runs that copy a dataset say so, in the copy. */
export const copyingDirectory = (directory: string) => `${directory}/riastore/copying`

const UNESCAPES: Readonly<Record<string, string>> = { '%': '/', '&s': '%', '&a': '&', '&c': ':' }

/**
 * The key whose file has this name: the inverse of keyFileName. Undefined for a name that no key
 * has.
 */
export function keyOfFileName(fileName: string): string | undefined {
  const text = fileName.replace(/%|&[sac]/g, (found) => UNESCAPES[found] ?? found)
  return parseKey(text).backend !== '' && keyFileName(text) === fileName ? text : undefined
}

/**
 * The places of a key, as they are below annex/objects and in an archive, `<h1>/<h2>/<key>/<key>`;
 * the one that ORA knows first.
 */
export function placesOf(key: string, datasetVersion: string): readonly string[] {
  return keyPaths('', datasetVersion, key).map((path) => path.slice('/annex/objects/'.length))
}

/** Reads `<h1>/<h2>/<key>/<key>`; undefined for any other path. */
export function keyAtPlace(place: string): { readonly key: string; readonly fileName: string } | undefined {
  const [h1, h2, directory, fileName, ...more] = place.split('/')
  if (!h1 || !h2 || !fileName || directory !== fileName || more.length > 0) return undefined
  const key = keyOfFileName(fileName)
  return key === undefined ? undefined : { key, fileName }
}

/** The last part of a path. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
