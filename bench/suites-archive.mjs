/**
 * Keys in archives: read one by one beside stock ORA, looked up in a very large one, and packed.
 */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  fillStore,
  inArchives,
  keysOf,
  loadGenerator,
  makeLargeArchive,
  packKeys,
  writeLooseKeys,
} from './archives.mjs'
import { GROUP, removeTree, smallFile } from './files.mjs'
import { countKeys, DATASET, datasetIn, makeStore, peer } from './peers.mjs'
import { addRemote, countObjects, makeRepository, once } from './repositories.mjs'
import { directoriesFor } from './suites-small.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */
/** @typedef {import('./workspace.mjs').Place} Place */
/** @typedef {import('./peers.mjs').Peer} Peer */

/** Titles of the columns, in the order in which the work is done. */
export const ARCHIVED_OPS = { fsck: 'fsck --fast --from', get: 'get --from' }
export const FIRST_OPS = {
  'check-cold': 'checkpresentkey, no index yet',
  'check-warm': 'checkpresentkey, indexed',
  'get-cold': 'get, no index yet',
  'get-warm': 'get, indexed',
}

const PEERS = [
  peer('floor', 'file'),
  peer('ours', 'file'),
  peer('ora', 'file'),
  peer('ours', 'ssh'),
  peer('ora', 'ssh'),
]
const FIRST = [peer('floor', 'file'), peer('ours', 'file'), peer('ora', 'file'), peer('ours', 'ssh')]

/** So many of the small files are read from an archive. */
const READ = 1000

/** ORA takes up to 0.1 s for each: it is measured with this part of them. */
const SLOW = 10

/** Of each key that is packed; bytes. */
const PACKED_SIZE = 100_000

/** The key of the very large archive, so many zeros. */
const FIRST_SIZE = 5000

/** What the blocks share, made when the first of them wants it. @param {Bench} bench */
function openArchives({ workspace, repositories, options }) {
  const { main } = workspace
  const paths = directoriesFor(Math.min(READ, options.files))
  const tools = once(() => loadGenerator(main.root))
  const keys = once(async () => keysOf(workspace, await repositories.smallOriginal(main), paths))

  const packed = once(async (members) =>
    packKeys(workspace, (await tools('')).generator, main.root, await keys(''), Number(members)),
  )

  /** A repository whose remote `store` has the keys, and nobody else. */
  const templates = once(async (text) => {
    const { peer, members } = JSON.parse(text)
    const repo = join(main.root, `archived-${members}-${peer.id}`)
    const store = join(main.root, 'stores', `archived-${members}-${peer.id}`)
    await workspace.run(['cp', '-a', await repositories.smallOriginal(main), repo], main.root)
    await addRemote(workspace, repo, peer, store, 'store')
    fillStore(peer, store, await packed(String(members)), await keys(''))
    await believe(repo, 'store', paths)
    await workspace.run(['git-annex', 'drop', '--force', '--', ...paths], repo)
    return repo
  })

  /**
   * Has git-annex believe that the remote has the files.
   * @param {string} repo
   * @param {string} name
   * @param {string[]} files
   */
  async function believe(repo, name, files) {
    const { stdout } = await workspace.run(['git', 'config', `remote.${name}.annex-uuid`], repo, { keepOutput: true })
    const list = join(main.root, 'believed')
    const found = await keysOf(workspace, repo, files)
    writeFileSync(list, found.map(({ key }) => `${key} ${stdout.trim()} 1\n`).join(''))
    await workspace.run(['sh', '-c', `git-annex setpresentkey --batch < '${list}'`], repo)
  }

  /** A repository with one file, which every peer has in an archive of all members. */
  const first = once(async () => {
    const repo = join(main.root, 'first')
    await makeRepository(workspace, repo, () => writeFileSync(join(repo, 'first.dat'), Buffer.alloc(FIRST_SIZE)))
    const found = await keysOf(workspace, repo, ['first.dat'])
    const { generator } = await tools('')
    const zeros = { place: found[0].place, size: FIRST_SIZE }
    const archive = await makeLargeArchive(generator, main.root, zeros, options.members)
    for (const peer of FIRST) {
      const store = join(main.root, 'stores', `first-${peer.id}`)
      await addRemote(workspace, repo, peer, store, peer.id)
      fillStore(peer, store, archive, found)
      await believe(repo, peer.id, ['first.dat'])
    }
    await workspace.run(['git-annex', 'drop', '--force', 'first.dat'], repo)
    return { repo, key: found[0].key }
  })

  /** A directory of loose keys, below their hash directories. */
  const loose = once(async (root) => {
    const directory = join(root, 'loose')
    const { dirHash } = await tools('')
    writeLooseKeys(dirHash, directory, options.members / 100, PACKED_SIZE)
    return directory
  })

  return {
    loose: (/** @type {Place} */ { root }) => loose(root),
    first: () => first(''),
    /**
     * @param {Peer} peer
     * @param {number} members
     * @param {(repo: string) => Promise<void>} work gets a fresh repository
     */
    async withArchived(peer, members, work) {
      const template = await templates(JSON.stringify({ peer, members }))
      const repo = join(main.root, 'work')
      try {
        await workspace.run(['cp', '-a', template, repo], main.root)
        await workspace.run(['git', 'update-index', '-q', '--refresh'], repo)
        await work(repo)
      } finally {
        removeTree(repo)
      }
    },
  }
}

/**
 * Many keys of an archive, git-annex's whole process; our own index is made anew in each block,
 * before the first that is timed.
 * @param {Bench} bench
 * @param {ReturnType<typeof openArchives>} archives
 * @param {Peer} peer
 * @param {number} members
 * @returns {Block}
 */
function archivedBlock(bench, archives, peer, members) {
  const { files } = bench.options
  const all = Math.min(READ, files)
  const paths = directoriesFor(peer.program === 'ora' ? all / SLOW : all)
  const items = Math.min(all, paths.length * GROUP)
  const labels = { suite: 'archived', peer: peer.id, members, jobs: 1, items }
  const name = `archived/${members}/${peer.id}`
  const run = (/** @type {number} */ round) =>
    archives.withArchived(peer, members, async (repo) => {
      bench.workspace.forgetCaches()
      const timed = (/** @type {string} */ op, /** @type {string[]} */ ...args) =>
        bench.measure({ ...labels, op, round }, ['git-annex', ...args, '-J1', '--', ...paths], repo, {
          sampleEvery: 50,
        })
      // An index is made once for all the processes that look into an archive: the suite `first`
      // has what that takes.
      await bench.workspace.run(['git-annex', 'fsck', '--fast', '--from', 'store', '--', smallFile(0)], repo)
      await timed('fsck', 'fsck', '--fast', '--from', 'store')
      // What is more for each key than for a process with one: the start does not count.
      const one = (/** @type {string} */ op, /** @type {string[]} */ ...args) =>
        bench.measure({ ...labels, items: 1, op, round }, ['git-annex', ...args, '-J1', '--', smallFile(0)], repo)
      await one('fsck-one', 'fsck', '--fast', '--from', 'store')
      await one('get-one', 'get', '--from', 'store')
      await bench.workspace.run(['git-annex', 'drop', '--force', '--', smallFile(0)], repo)
      await timed('get', 'get', '--from', 'store')
      const found = countObjects(repo)
      const wanted = files - all + items
      if (found !== wanted) throw new Error(`${name}: ${found} of ${wanted} files are there`)
    })
  return { name, labels, peer, run }
}

/**
 * A process that wants one key and ends.
 * @param {Bench} bench
 * @param {ReturnType<typeof openArchives>} archives
 * @param {Peer} peer
 * @returns {Block}
 */
function firstBlock(bench, archives, peer) {
  const { workspace, options } = bench
  const labels = { suite: 'first', peer: peer.id, members: options.members }
  const indexes = peer.program === 'ours'
  const times = peer.program === 'ora' ? 1 : Math.ceil(options.cold / options.rounds / 2)
  const run = async (/** @type {number} */ round) => {
    const { repo, key } = await archives.first()
    const timed = (/** @type {string} */ op, /** @type {string[]} */ ...command) =>
      bench.measure({ ...labels, op, round }, ['git-annex', ...command], repo, { sampleEvery: 10 })
    const check = (/** @type {string} */ op) => timed(op, 'checkpresentkey', key, peer.id)
    const get = async (/** @type {string} */ op) => {
      await timed(op, 'get', '--from', peer.id, 'first.dat')
      if (statSync(join(repo, 'first.dat')).size !== FIRST_SIZE) throw new Error(`${peer.id}: not the right file`)
      await workspace.run(['git-annex', 'drop', '--force', 'first.dat'], repo)
    }
    try {
      for (let i = 0; i < times; i++) {
        for (const [name, work] of Object.entries({ check, get })) {
          if (indexes) {
            workspace.forgetCaches()
            await work(`${name}-cold`)
          }
          await work(`${name}-warm`)
        }
      }
    } finally {
      // The next peer wants the file away, whatever this one did with it.
      if (!workspace.closed.aborted && existsSync(join(repo, 'first.dat'))) {
        await workspace.run(['git-annex', 'drop', '--force', 'first.dat'], repo)
      }
    }
  }
  return { name: `first/${peer.id}`, labels, peer, run }
}

/**
 * `riastore archive`, with all that it checks.
 * @param {Bench} bench
 * @param {ReturnType<typeof openArchives>} archives
 * @param {string} suite
 * @param {Place} place
 * @returns {Block}
 */
function packBlock(bench, archives, suite, place) {
  const who = peer('ours', 'file')
  const labels = packLabels(bench, suite, who.id)
  const run = async (/** @type {number} */ round) => {
    const from = await archives.loose(place)
    const store = join(place.root, 'stores', 'pack')
    try {
      await makeStore(who, store, bench.workspace.run)
      const annex = join(datasetIn(store), 'annex')
      mkdirSync(annex)
      await bench.workspace.run(['cp', '-al', from, join(annex, 'objects')], place.root)
      await settle(bench, place)
      const command = ['riastore', 'archive', store, DATASET, '--yes']
      await bench.measure({ ...labels, op: 'pack', round }, command, store, { sampleEvery: 20, watch: 'program' })
      const left = countKeys(who, store)
      if (left > 0) throw new Error(`${left} keys are still loose`)
      const names = inArchives(store)
      if (names.join() !== 'archive.7z') throw new Error(`in archives: ${names.join(' ')}`)
      expectSize(labels.bytes, join(datasetIn(store), 'archives', 'archive.7z'))
    } finally {
      removeTree(store)
    }
  }
  return { name: `${suite}/${who.id}`, labels, peer: who, run }
}

/**
 * The 7z program on the same files.
 * @param {Bench} bench
 * @param {ReturnType<typeof openArchives>} archives
 * @param {string} suite
 * @param {Place} place
 * @returns {Block}
 */
function sevenZipBlock(bench, archives, suite, place) {
  const labels = packLabels(bench, suite, '7z')
  const run = async (/** @type {number} */ round) => {
    const from = await archives.loose(place)
    const archive = join(place.root, 'packed.7z')
    const pack = `7z a -mx0 -bd -y '${archive}' .`
    const ops = { pack, 'pack-sync': `${pack} && sync '${archive}'`, 'pack-test': `${pack} && 7z t -bd '${archive}'` }
    try {
      for (const [op, command] of Object.entries(ops)) {
        rmSync(archive, { force: true })
        await settle(bench, place)
        await bench.measure({ ...labels, op, round }, ['sh', '-c', command], from)
        expectSize(labels.bytes, archive)
      }
    } finally {
      rmSync(archive, { force: true })
    }
  }
  return { name: `${suite}/7z`, labels, run }
}

/** @param {Bench} bench @param {string} suite @param {string} peer */
function packLabels({ options }, suite, peer) {
  const items = options.members / 100
  return { suite, peer, items, bytes: items * PACKED_SIZE }
}

/** @param {Bench} bench @param {Place} place */
async function settle(bench, place) {
  if (place.kind === 'disk') await bench.workspace.run(['sync', '-f', place.root], place.root)
}

/** @param {number} bytes of the content @param {string} archive */
function expectSize(bytes, archive) {
  const { size } = statSync(archive)
  if (size < bytes) throw new Error(`an archive of ${size} bytes for ${bytes}`)
}

/** @param {Bench} bench @returns {Block[]} */
export function archiveBlocks(bench) {
  const archives = openArchives(bench)
  const { main, disk } = bench.workspace
  const { members } = bench.options
  return [
    ...[members / 1000, members / 100].flatMap((count) =>
      PEERS.map((peer) => archivedBlock(bench, archives, peer, count)),
    ),
    ...FIRST.map((peer) => firstBlock(bench, archives, peer)),
    packBlock(bench, archives, 'pack', main),
    sevenZipBlock(bench, archives, 'pack', main),
    packBlock(bench, archives, 'disk-pack', disk),
    sevenZipBlock(bench, archives, 'disk-pack', disk),
  ]
}
