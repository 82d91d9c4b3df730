import { dirHash } from '../../core/dirhash.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import { keyFileName } from '../../core/key.ts'

/**
 * Where things lie in a store; docs/format.md describes it. All paths are relative to the store's
 * root.
 */
export const LAYOUT_FILE = 'ria-layout-version'

/** Layout versions of a store that we write to. */
export const STORE_VERSIONS: readonly string[] = ['1']

/** Of a dataset: `1` has keys under git-annex's hashDirLower, `2` under its hashDirMixed. */
export const DATASET_VERSIONS: readonly string[] = ['1', '2']

/**
 * A dataset's directory. Throws ConfigError for an id that is no plain name, as it comes from a
 * file that others write.
 */
export function datasetDirectory(id: string): string {
  const rest = id.slice(3)
  if (id.length < 4 || /[/\\\0\n]/.test(id) || id.startsWith('...') || rest === '.' || rest === '..') {
    throw new ConfigError(`the dataset id (archive-id) ${JSON.stringify(id)} is not one`)
  }
  return `${id.slice(0, 3)}/${rest}`
}

/**
 * The places where a loose key may lie in a dataset, the one where it is written first. A key with
 * `/ & % :` has two: ORA hashes the escaped name, git-annex and `datalad export-archive-ora` the
 * true one.
 */
export function keyPaths(directory: string, datasetVersion: string, key: string): readonly string[] {
  const name = keyFileName(key)
  if (name === '' || name === '.' || name === '..' || name.includes('\0')) {
    throw new ConfigError(`the key ${JSON.stringify(key)} is not one`)
  }
  const hash = (text: string) => (datasetVersion === '1' ? dirHash(text).lower : dirHash(text).mixed)
  const hashes = name === key ? [hash(name)] : [...new Set([hash(name), hash(key)])]
  return hashes.map((directories) => `${directory}/annex/objects/${directories}/${name}/${name}`)
}

export function archivePath(directory: string): string {
  return `${directory}/archives/archive.7z`
}

/**
 * Throws ConfigError for the uuid of a special remote that is no plain name: it comes from the
 * git-annex branch, which others write, and becomes part of paths.
 */
export function checkAnnexUuid(annexUuid: string): void {
  if (!/[/\\\p{Cc}]/u.test(annexUuid)) return
  throw new ConfigError(`the uuid of the special remote, ${JSON.stringify(annexUuid)}, is not one`)
}

/**
 * Where uploads wait until they are whole: named as ORA's places are, so that clean-up scripts for
 * those know it.
 */
export function transferDirectory(directory: string, annexUuid: string): string {
  return `${directory}/ora-remote-${annexUuid}/transfer`
}

export interface LayoutVersion {
  readonly version: string
  /** `l`: the store wants to be told of errors. `a`: nothing in it is removed or replaced. */
  readonly flags: string
}

/**
 * Reads the content of a layout file, `<version>[|<flags>]`. Throws StoreError `corrupt` for what
 * cannot be one (a login page, say).
 */
export function parseLayoutVersion(text: string, where: string): LayoutVersion {
  const [, version, flags] = /^([\w.-]{1,32})(?:\|(\w*))?$/.exec(text.trim()) ?? []
  if (version === undefined) {
    throw new StoreError({
      kind: 'corrupt',
      op: 'get',
      where,
      message: 'this is no layout version: is it a RIA store?',
    })
  }
  return { version, flags: flags ?? '' }
}
