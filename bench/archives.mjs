/** Archives to read from, and keys to pack. */
import { createHash } from 'node:crypto'
import { copyFileSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { randomBytes, removeTree } from './files.mjs'
import { datasetIn, isRia } from './peers.mjs'

/** @typedef {import('./workspace.mjs').Workspace} Workspace */
/** @typedef {import('./peers.mjs').Peer} Peer */

/**
 * @typedef {object} RealKey a key whose content is at hand
 * @property {string} key
 * @property {string} place `<h1>/<h2>/<key>/<key>`
 * @property {string} file
 */

const SUPPORT = join(import.meta.dirname, '..', 'test', 'support', 'archives', 'large-archive.ts')
const DIR_HASH = join(import.meta.dirname, '..', 'src', 'core', 'dirhash.ts')

/**
 * What the tests make large archives with, compiled for this run.
 * @param {string} root
 * @returns {Promise<{generator: typeof import('../test/support/archives/large-archive.ts'),
 * dirHash: typeof import('../src/core/dirhash.ts').dirHash}>}
 */
export async function loadGenerator(root) {
  const { rolldown } = await import('rolldown')
  const directory = join(root, 'generator')
  const bundle = await rolldown({
    input: { generator: SUPPORT, dirhash: DIR_HASH },
    platform: 'node',
    tsconfig: false,
  })
  await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await bundle.close()
  const load = (/** @type {string} */ name) => import(pathToFileURL(join(directory, `${name}.mjs`)).href)
  const [generator, { dirHash }] = await Promise.all([load('generator'), load('dirhash')])
  return { generator, dirHash }
}

/**
 * The keys of annexed files whose content is in the repository.
 * @param {Workspace} workspace
 * @param {string} repo
 * @param {string[]} paths
 * @returns {Promise<RealKey[]>}
 */
export async function keysOf(workspace, repo, paths) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: git-annex's own format
  const format = '--format=${key} ${hashdirmixed}${key}/${key}\\n'
  const { stdout } = await workspace.run(['git-annex', 'find', format, '--', ...paths], repo, { keepOutput: true })
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [key, place] = line.split(' ')
      return { key, place, file: join(repo, '.git', 'annex', 'objects', place) }
    })
}

/**
 * Packs keys, and others until there are `members`, as `datalad export-archive-ora` does: `7z -mx0`
 * in a directory of them.
 * @param {Workspace} workspace
 * @param {Awaited<ReturnType<typeof loadGenerator>>['generator']} generator
 * @param {string} root @param {RealKey[]} keys @param {number} members
 * @returns {Promise<string>} the archive file
 */
export async function packKeys(workspace, generator, root, keys, members) {
  const archive = join(root, `archive-${members}.7z`)
  const tree = join(root, 'archive-tree')
  for (const { place, file } of keys) copyInto(file, join(tree, place))
  const others = generator.keyMembers(members - keys.length)
  for (let i = 0; i < others.count; i++) writeInto(join(tree, others.name(i)), Buffer.alloc(others.size(i)))
  await workspace.run(['7z', 'a', '-mx0', '-bd', '-y', archive, '.'], tree)
  removeTree(tree)
  return archive
}

/**
 * An archive too large to be packed here: its end header is as `riastore archive` makes them (not
 * packed), its content is a hole but for zeros.
 * @param {Awaited<ReturnType<typeof loadGenerator>>['generator']} generator
 * @param {string} root
 * @param {{place: string, size: number}} key of zeros, in the middle
 * @param {number} members
 * @returns {Promise<string>} the archive file
 */
export async function makeLargeArchive(generator, root, key, members) {
  const archive = join(root, `archive-${members}.7z`)
  const others = generator.keyMembers(members)
  const middle = members >> 1
  await generator.writeLargeArchive(archive, {
    count: members,
    name: (i) => (i === middle ? key.place : others.name(i)),
    size: (i) => (i === middle ? key.size : others.size(i)),
  })
  return archive
}

/**
 * Puts keys where a peer looks for them: an archive for a RIA store, else files.
 * @param {Peer} peer
 * @param {string} store
 * @param {string} archive
 * @param {RealKey[]} keys
 */
export function fillStore(peer, store, archive, keys) {
  if (!isRia(peer)) {
    for (const { key, file } of keys) copyFileSync(file, join(store, key))
    return
  }
  const directory = join(datasetIn(store), 'archives')
  mkdirSync(directory)
  linkSync(archive, join(directory, 'archive.7z'))
}

/**
 * Loose keys, none like another.
 * @param {typeof import('../src/core/dirhash.ts').dirHash} dirHash
 * @param {string} directory
 * @param {number} count
 * @param {number} size bytes of each
 */
export function writeLooseKeys(dirHash, directory, count, size) {
  const bytes = randomBytes('loose')
  for (let i = 0; i < count; i++) {
    const content = bytes(size)
    const key = `MD5E-s${size}--${createHash('md5').update(content).digest('hex')}.dat`
    writeInto(join(directory, dirHash(key).mixed, key, key), content)
  }
}

/**
 * @param {string} store @returns {string[]} what is in the directory of the archive of a RIA store
 */
export const inArchives = (store) => readdirSync(join(datasetIn(store), 'archives'))

/** @param {string} file @param {Uint8Array} content */
function writeInto(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** @param {string} from @param {string} to */
function copyInto(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
