/** git on a store in S3, beside git's own ways. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeTree } from './files.mjs'
import { once } from './repositories.mjs'
import { HOST } from './s3-server.mjs'

/** @typedef {import('./run.mjs').Bench} Bench */
/** @typedef {import('./run.mjs').Block} Block */

/** Titles of the columns, in the order in which the work is done. */
export const GIT_OPS = {
  'push-all': 'push everything',
  clone: 'clone --no-checkout',
  push: 'push one commit',
  fetch: 'fetch nothing',
}

const PEERS = ['git-file', 'git-ssh', 'git-s3']
const BUCKET = 'bench-git'
const COMMITS = 1000

/** Each commit adds so many files. */
const PER_COMMIT = 10

/** What `git fast-import` makes the history of. */
function* history() {
  for (let commit = 1; commit <= COMMITS; commit++) {
    yield `commit refs/heads/main\nmark :${commit}\ncommitter bench <bench@localhost> ${1_700_000_000 + commit} +0000\n`
    yield data(`commit ${commit}\n`)
    if (commit > 1) yield `from :${commit - 1}\n`
    for (let i = 0; i < PER_COMMIT; i++) {
      yield `M 100644 inline part-${commit % 100}/file-${commit}-${i}.txt\n`
      yield data(`file ${i} of commit ${commit}\n${(commit * 7919 + i).toString(36).repeat(40)}\n`)
    }
  }
}

/** @param {string} text */
const data = (text) => `data ${Buffer.byteLength(text)}\n${text}\n`

/** @param {Bench} bench */
function openGit({ workspace }) {
  const { main } = workspace
  const original = once(async () => {
    const repo = join(main.root, 'history')
    const file = join(main.root, 'history.import')
    writeFileSync(file, [...history()].join(''))
    await workspace.run(['git', 'init', '-q', '-b', 'main', repo], main.root)
    await workspace.run(['sh', '-c', `git fast-import --quiet < '${file}'`], repo)
    await workspace.run(['git', 'repack', '-adq'], repo)
    rmSync(file)
    return repo
  })
  const bucket = once(async () => {
    const server = await workspace.s3()
    await server.makeBucket(BUCKET)
    return server
  })
  let count = 0

  /**
   * An empty repository to push to.
   * @param {string} peer
   * @returns its URL, and what has to be in the environment
   */
  const makeRemote = async (peer) => {
    const path = join(main.root, 'stores', `git-${++count}`, 'abc', 'repository')
    if (peer === 'git-s3') {
      const server = await bucket('')
      await server.put(BUCKET, `${count}/abc/repository/ria-layout-version`, '2\n')
      return { url: `s3+http://${HOST}/${BUCKET}/${count}/abc/repository`, variables: server.credentials }
    }
    await workspace.run(['git', 'init', '-q', '--bare', '-b', 'main', path], main.root)
    return { url: peer === 'git-ssh' ? `ssh://bench${path}` : `file://${path}`, variables: {} }
  }
  return { original: () => original(''), makeRemote }
}

/**
 * @param {Bench} bench
 * @param {ReturnType<typeof openGit>} git
 * @param {string} peer
 * @returns {Block}
 */
function block(bench, git, peer) {
  const labels = { suite: 'git', peer }
  const run = async (/** @type {number} */ round) => {
    const { main } = bench.workspace
    const [repo, clone] = [join(main.root, 'work'), join(main.root, 'clone')]
    try {
      await bench.workspace.run(['cp', '-a', await git.original(), repo], main.root)
      const { url, variables } = await git.makeRemote(peer)
      const timed = (/** @type {string} */ op, /** @type {string} */ cwd, /** @type {string[]} */ ...args) =>
        bench.measure({ ...labels, op, round }, ['git', ...args], cwd, { variables })
      const untimed = (/** @type {string[]} */ ...args) =>
        bench.workspace.run(['git', ...args], repo, { keepOutput: true })
      await untimed('remote', 'add', 'store', url)
      await timed('push-all', repo, 'push', '-q', 'store', 'main')
      await timed('clone', main.root, 'clone', '-q', '--no-checkout', url, clone)
      await untimed('reset', '-q', '--hard')
      appendFileSync(join(repo, 'part-1', 'file-1-0.txt'), 'one more line\n')
      await untimed('commit', '-q', '-a', '-m', 'one more')
      await timed('push', repo, 'push', '-q', 'store', 'main')
      await timed('fetch', repo, 'fetch', '-q', 'store')
      const { stdout } = await untimed('rev-parse', 'main')
      await bench.workspace.run(['git', '-C', clone, 'fetch', '-q'], main.root, { variables })
      await bench.workspace.run(['git', '-C', clone, 'cat-file', '-e', stdout.trim()], main.root)
    } finally {
      removeTree(repo)
      removeTree(clone)
    }
  }
  return { name: `git/${peer}`, labels, run }
}

/** @param {Bench} bench @returns {Block[]} */
export function gitBlocks(bench) {
  const git = openGit(bench)
  return PEERS.map((peer) => block(bench, git, peer))
}
