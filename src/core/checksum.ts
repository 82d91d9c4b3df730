import { createHash, hash } from 'node:crypto'
import type { Hasher } from './hasher.ts'
import { type Key, parseKey } from './key.ts'

/** What a key's name promises about its content. */
export interface Checksum {
  /** Lower-case hex. */
  readonly expected: string
  start(): Promise<Hasher>
  /**
   * Whether a whole content has it; undefined for an algorithm that OpenSSL lacks. A third of the
   * time that `start` takes for a small one.
   */
  matches(content: Uint8Array): boolean | undefined
}

interface Algorithm {
  start(): Hasher | Promise<Hasher>
  /** Of a whole content, lower-case hex. */
  hexOf?(content: Uint8Array): string
}

/** The hash backends of git-annex (internals/backends), each also with an `E` at its end. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  MD5: native('md5'),
  SHA1: native('sha1'),
  SHA224: native('sha224'),
  SHA256: native('sha256'),
  SHA384: native('sha384'),
  SHA512: native('sha512'),
  SHA3_224: native('sha3-224'),
  SHA3_256: native('sha3-256'),
  SHA3_384: native('sha3-384'),
  SHA3_512: native('sha3-512'),
  BLAKE2B160: blake2('blake2b', 20),
  BLAKE2B224: blake2('blake2b', 28),
  BLAKE2B256: blake2('blake2b', 32),
  BLAKE2B384: blake2('blake2b', 48),
  BLAKE2B512: native('blake2b512'),
  BLAKE2BP512: { start: async () => (await import('./hashes/blake2-tree.ts')).blake2bp(64) },
  BLAKE2S160: blake2('blake2s', 20),
  BLAKE2S224: blake2('blake2s', 28),
  BLAKE2S256: native('blake2s256'),
  BLAKE2SP224: { start: async () => (await import('./hashes/blake2-tree.ts')).blake2sp(28) },
  BLAKE2SP256: { start: async () => (await import('./hashes/blake2-tree.ts')).blake2sp(32) },
  SKEIN256: { start: async () => (await import('./hashes/skein.ts')).skein256() },
  SKEIN512: { start: async () => (await import('./hashes/skein.ts')).skein512() },
}

/**
 * The checksum that a key's content must have, or undefined where the key has none that we can
 * compute: other backends, encrypted keys, and chunks (their name is the checksum of the whole).
 */
export function checksumOf(key: Key): Checksum | undefined {
  if (key.isChunk) return undefined
  if (key.backend === 'GITBUNDLE') return checksum('SHA256', key.name.slice(key.name.lastIndexOf('-') + 1))
  const withExtension = key.backend.endsWith('E')
  const backend = withExtension ? key.backend.slice(0, -1) : key.backend
  const dot = withExtension ? key.name.indexOf('.') : -1
  return checksum(backend, dot < 0 ? key.name : key.name.slice(0, dot))
}

function checksum(backend: string, expected: string): Checksum | undefined {
  const algorithm = Object.hasOwn(ALGORITHMS, backend) ? ALGORITHMS[backend] : undefined
  if (algorithm === undefined || !/^[0-9a-f]+$/i.test(expected)) return undefined
  const lower = expected.toLowerCase()
  return {
    expected: lower,
    start: async () => algorithm.start(),
    matches: (content) => algorithm.hexOf && algorithm.hexOf(content) === lower,
  }
}

function native(name: string): Algorithm {
  return {
    start: () => {
      const begun = createHash(name)
      return { update: (bytes) => begun.update(bytes), hex: () => begun.digest('hex') }
    },
    hexOf: (content) => hash(name, content, 'hex'),
  }
}

/** The digest lengths that OpenSSL lacks. Loaded when such a key is met. */
function blake2(name: 'blake2b' | 'blake2s', dkLen: number): Algorithm {
  return {
    start: async () => {
      const begun = (await import('@noble/hashes/blake2.js'))[name].create({ dkLen })
      return { update: (bytes) => begun.update(bytes), hex: () => Buffer.from(begun.digest()).toString('hex') }
    },
  }
}

/**
 * False for a key whose content is known only by what was stored: encrypted, a chunk, of a backend
 * without checksums.
 */
export function hasChecksum(key: string): boolean {
  return checksumOf(parseKey(key)) !== undefined
}
