/**
 * The git-annex repositories that are measured: one original, a fresh copy of it for every block.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { countFiles, removeTree, writeBigFile, writeSmallFiles } from './files.mjs'
import { DATASET, emptyStore, initParameters, makeStore } from './peers.mjs'

/** @typedef {import('./workspace.mjs').Workspace} Workspace */
/** @typedef {import('./workspace.mjs').Place} Place */
/** @typedef {import('./peers.mjs').Peer} Peer */

/**
 * @param {Workspace} workspace
 * @param {string} repo
 * @param {(repo: string) => void} fill writes the files to be added
 */
export async function makeRepository(workspace, repo, fill) {
  const run = (/** @type {string[]} */ ...command) => workspace.run(command, repo)
  mkdirSync(join(repo, '.datalad'), { recursive: true })
  writeFileSync(join(repo, '.datalad', 'config'), `[datalad "dataset"]\n\tid = ${DATASET}\n`)
  await run('git', 'init', '-q', '-b', 'main')
  await run('git-annex', 'init', '-q', 'bench')
  await run('git', 'config', 'annex.backend', 'MD5E')
  await run('git', 'add', '.datalad')
  fill(repo)
  await run('git-annex', 'add', '-q', '.')
  await run('git', 'commit', '-q', '-m', 'bench')
}

/** @param {string} repo */
export const countObjects = (repo) => countFiles(join(repo, '.git', 'annex', 'objects'))

/**
 * @param {Workspace} workspace
 * @param {string} repo
 * @param {Peer} peer
 * @param {string} store
 * @param {string} name
 */
export async function addRemote(workspace, repo, peer, store, name) {
  await makeStore(peer, store, workspace.run)
  await workspace.run(['git-annex', 'initremote', name, ...initParameters(peer, store)], repo)
}

/**
 * A function that does its work once for each key. @template T
 * @param {(key: string) => Promise<T>} work
 */
export function once(work) {
  /** @type {Map<string, Promise<T>>} */
  const done = new Map()
  return (/** @type {string} */ key) => {
    const result = done.get(key) ?? work(key)
    done.set(key, result)
    return result
  }
}

/** @param {Workspace} workspace @param {{files: number, big: number}} options */
export function openRepositories(workspace, options) {
  const places = { [workspace.main.root]: workspace.main, [workspace.disk.root]: workspace.disk }

  const smallOriginal = once(async (root) => {
    const repo = join(root, 'small')
    await makeRepository(workspace, repo, (directory) => writeSmallFiles(directory, options.files))
    return repo
  })

  const bigFile = once(async (root) => {
    const path = join(root, 'big.bin')
    writeBigFile(path, options.big)
    return path
  })

  /** One repository with a large and a small file, which knows every peer. */
  const shared = once(async (root) => {
    const repo = join(root, 'shared')
    const big = await bigFile(root)
    await makeRepository(workspace, repo, () => {})
    await workspace.run(['cp', big, join(repo, 'big.bin')], root)
    writeFileSync(join(repo, 'cold.dat'), 'a small file')
    await workspace.run(['git-annex', 'add', '-q', '.'], repo)
    await workspace.run(['git', 'commit', '-q', '-m', 'files'], repo)
    return repo
  })

  const storeOf = (/** @type {Place} */ place, /** @type {string} */ kind, /** @type {Peer} */ peer) =>
    join(place.root, 'stores', `${kind}-${peer.id}`)

  const sharedRemotes = once(async (key) => {
    const { root, peer } = JSON.parse(key)
    const store = storeOf(places[root], 'shared', peer)
    await addRemote(workspace, await shared(root), peer, store, peer.id)
    return store
  })

  const templates = once(async (key) => {
    const { root, peer } = JSON.parse(key)
    const repo = join(root, `template-${peer.id}`)
    const store = storeOf(places[root], 'small', peer)
    await workspace.run(['cp', '-a', await smallOriginal(root), repo], root)
    await addRemote(workspace, repo, peer, store, 'store')
    return { repo, store }
  })

  return {
    /** Where the small files come from. @param {Place} place */
    smallOriginal: (place) => smallOriginal(place.root),

    /** @param {Place} place */
    bigFile: (place) => bigFile(place.root),

    /** @param {Place} place @param {Peer} peer @returns the remote's name is the peer's id */
    async shared(place, peer) {
      const store = await sharedRemotes(JSON.stringify({ root: place.root, peer }))
      return { repo: await shared(place.root), store }
    },

    /**
     * Gives `work` a fresh repository of small files whose remote is called `store`.
     * @param {Place} place
     * @param {Peer} peer
     * @param {(repo: string, store: string) => Promise<void>} work
     */
    async withSmall(place, peer, work) {
      const template = await templates(JSON.stringify({ root: place.root, peer }))
      const repo = join(place.root, 'work')
      try {
        await workspace.run(['cp', '-a', template.repo, repo], place.root)
        await workspace.run(['git', 'update-index', '-q', '--refresh'], repo)
        await work(repo, template.store)
      } finally {
        removeTree(repo)
        emptyStore(peer, template.store)
      }
    },
  }
}
