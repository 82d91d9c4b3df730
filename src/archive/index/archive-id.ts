import { createHash } from 'node:crypto'

/**
 * Names an archive in the index cache. Digests only: nobody learns from them where a store is, or
 * what was in its URL.
 */
export interface ArchiveId {
  /** Of where the archive lies, lower-case hex. */
  readonly location: string
  /** Of that and of what the archive is: its Stat's identity and its signature header. */
  readonly digest: string
}

export function archiveId(root: string, path: string, identity: string, signature: Uint8Array): ArchiveId {
  const location = digestOf([root, path])
  return { location, digest: digestOf([location, identity, Buffer.from(signature).toString('hex')]) }
}

/** Tells the files of the index cache that are of whatever archive lay in a place. */
export function indicesOf(root: string, path: string): (fileName: string) => boolean {
  const location = digestOf([root, path])
  return (fileName) => fileName.startsWith(`${location}-`) && fileName.endsWith('.index')
}

/** 160 bits. */
function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)
}
