/** Who is compared: how each keeps keys, and how git-annex is told of it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { countFiles, removeTree } from './files.mjs'

/** The dataset's id, in every repository and store of the bench. */
export const DATASET = '2f1c3a54-9f0e-4f1b-8a9e-0c6d5b7a1e42'

/**
 * @typedef {object} Peer
 * @property {string} id `<program>-<transport>`
 * @property {'floor'|'ours'|'before'|'ora'|'directory'|'rsync'|'builtin'|'gitannex'} program
 * @property {'file' | 'ssh' | 'far' | 'sftp' | 's3'} transport
 * @property {string} title
 */

const TITLES = {
  floor: 'floor (minimal remote)',
  ours: 'riastore',
  before: 'riastore as it was before',
  ora: 'ORA (DataLad)',
  directory: 'git-annex directory',
  rsync: 'git-annex rsync',
  builtin: "git-annex's own S3",
  gitannex: 'rclone gitannex',
}
export const EXTERNAL_TYPES = { ours: 'riastore', before: 'before', ora: 'ora', gitannex: 'rclone-builtin' }
const HOSTS = { ssh: 'bench', far: 'bench-far', sftp: 'bench-sftp' }

/** @param {Peer['program']} program @param {Peer['transport']} transport @returns {Peer} */
export const peer = (program, transport) => ({
  id: `${program}-${transport}`,
  program,
  transport,
  title: TITLES[program],
})

/** @param {Peer} peer */
export const isRia = (peer) => ['ours', 'before', 'ora'].includes(peer.program)

/** Whether it is riastore, of whatever time. @param {Peer} peer */
export const isOurs = (peer) => peer.program === 'ours' || peer.program === 'before'

/** @param {string} store */
export const datasetIn = (store) => join(store, DATASET.slice(0, 3), DATASET.slice(3))

/**
 * What `git annex initremote NAME` is given. @param {Peer} peer @param {string} store absolute path
 */
export function initParameters(peer, store) {
  const common = ['encryption=none', 'autoenable=false']
  const host = HOSTS[peer.transport]
  if (isRia(peer)) {
    const url = host === undefined ? `ria+file://${store}` : `ria+ssh://${host}${store}`
    return [
      'type=external',
      `externaltype=${EXTERNAL_TYPES[peer.program]}`,
      `url=${url}`,
      `archive-id=${DATASET}`,
      ...common,
    ]
  }
  if (peer.program === 'floor') return ['type=external', 'externaltype=floor', `directory=${store}`, ...common]
  if (peer.program === 'directory') return ['type=directory', `directory=${store}`, ...common]
  return ['type=rsync', `rsyncurl=${host === undefined ? '' : `${host}:`}${store}`, ...common]
}

/**
 * An empty store, the way the peer wants to find it.
 * @param {Peer} peer
 * @param {string} store
 * @param {(command: string[], cwd: string) => Promise<unknown>} run
 */
export async function makeStore(peer, store, run) {
  mkdirSync(store, { recursive: true })
  if (!isRia(peer)) return
  const dataset = datasetIn(store)
  mkdirSync(join(store, 'error_logs'))
  writeFileSync(join(store, 'ria-layout-version'), '1\n')
  await run(['git', 'init', '-q', '--bare', dataset], store)
  writeFileSync(join(dataset, 'ria-layout-version'), '2\n')
}

/** Takes all keys out. @param {Peer} peer @param {string} store */
export function emptyStore(peer, store) {
  const directory = isRia(peer) ? datasetIn(store) : store
  for (const name of readdirSync(directory)) {
    if (!isRia(peer) || name === 'annex' || name.startsWith('ora-remote-')) removeTree(join(directory, name))
  }
}

/** @param {Peer} peer @param {string} store @returns {number} */
export const countKeys = (peer, store) => countFiles(isRia(peer) ? join(datasetIn(store), 'annex', 'objects') : store)
