import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import { expectNothingLost } from '../kill/kill-archive.ts'
import { expectNothingLost as expectNothingLostInS3 } from '../kill/kill-archive-s3.ts'
import { type Keys, makeKeys, putKeys } from '../programs/archive-program.ts'
import { isRoot } from '../programs/users.ts'
import { addDataset, makeRiaStore } from '../repos/ria-store.ts'
import { startSshd } from '../servers/sshd.ts'
import { startStallProxy } from '../servers/stall-proxy.ts'
import { write } from '../stores/stores.ts'
import type { S3Scene } from '../worlds/s3-scene.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { mountSmallDisk } from './small-disk.ts'
import type { Surroundings } from './weather.ts'

/** A dataset whose git repository is looked after by us. */
export interface GitSubject {
  /** The store and the dataset, for `riastore gc`: through the network, and past it. */
  readonly url: string
  readonly directUrl: string
  readonly id: string
  /** The repository, for git, past the network. */
  readonly pushUrl: string
}

/** A dataset that things are done to, as its administrators and its clients reach it. */
export interface Subject extends Surroundings {
  readonly name: string
  /** Of the store, through what can be cut. */
  readonly url: string
  /** Past it: another host has another line. */
  readonly directUrl: string
  readonly id: string
  /** Keys that are never dropped. */
  readonly keys: Keys
  readonly env: NodeJS.ProcessEnv
  readonly git?: GitSubject | undefined
  /** Throws unless all keys are whole, loose or archived, as other programs than ours see it. */
  check(keys: Keys): Promise<void>
}

/** A server that is silent for so long is given up. s. */
const STALL_SECONDS = 3

async function environment(
  workspace: Workspace,
  name: string,
  env = workspace.env,
  more: Readonly<Record<string, string>> = {},
): Promise<NodeJS.ProcessEnv> {
  const TMPDIR = workspace.path(`tmp-${name}`)
  await mkdir(TMPDIR)
  const config = Object.entries({ 'riastore.stall-timeout': `${STALL_SECONDS}`, ...more })
  const entries = config.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ])
  return { ...env, TMPDIR, GIT_CONFIG_COUNT: `${config.length}`, ...Object.fromEntries(entries) }
}

/** On a disk, a small one where we may make one, or behind an sshd. */
export async function fileSubject(workspace: Workspace, name: 'disk' | 'ssh', count: number): Promise<Subject> {
  const disk = isRoot ? await mountSmallDisk(workspace, `disk-${name}`, '64m') : undefined
  const root = join(disk?.path ?? workspace.path(), `store-${name}`)
  const dataset = await addDataset(workspace, await makeRiaStore(root))
  const keys = makeKeys(count, 20_000)
  await putKeys(dataset, keys)
  const common = {
    name,
    id: dataset.id,
    keys,
    disk,
    env: await environment(workspace, name),
    check: (all: Keys) => expectNothingLost(dataset, all),
  }
  if (name === 'disk') return { ...common, url: `ria+file://${root}`, directUrl: `ria+file://${root}` }
  const sshd = await startSshd(workspace)
  const network = await startStallProxy(sshd.port)
  workspace.onRemove(() => network.stop())
  const alias = await sshd.addAlias(`${sshd.alias}-cut`, { Port: network.port })
  // Where git is at home it looks after its repositories itself, so this is another dataset.
  const id = 'faults-0001-of-git'
  const directory = datasetDirectory(id)
  await mkdir(join(root, directory), { recursive: true })
  await writeFile(join(root, directory, 'ria-layout-version'), '2\n')
  return {
    ...common,
    network,
    url: `ria+ssh://${alias}${root}`,
    directUrl: `ria+ssh://${sshd.alias}${root}`,
    git: {
      url: `ria+sftp://${alias}${root}`,
      directUrl: `ria+sftp://${sshd.alias}${root}`,
      id,
      pushUrl: `sftp://${sshd.alias}${root}/${directory}`,
    },
  }
}

export async function s3Subject(workspace: Workspace, scene: S3Scene, count: number): Promise<Subject> {
  const id = await scene.addDataset('faulty-0001-of-the-dataset')
  const directory = datasetDirectory(id)
  const keys = makeKeys(count, 20_000)
  for (const [key, content] of keys) {
    await write(scene.bucket, `${directory}/annex/objects/${placesOf(key, '2')[0]}`, content)
  }
  const { bucket, endpoint, account: credentials } = scene.s3
  const network = await startStallProxy(Number(new URL(endpoint).port))
  workspace.onRemove(() => network.stop())
  const cuttable = `http://127.0.0.1:${network.port}`
  const store = openS3Store({ endpoint: cuttable, bucket, prefix: 'store', credentials })
  await recordAtomicPuts(store, {})
  await store.close()
  const url = `ria+s3+${cuttable}/${bucket}/store`
  return {
    name: 'S3',
    url,
    directUrl: scene.directUrl,
    id,
    keys,
    network,
    // The user names the server: only then keys of his own are sent to it.
    env: await environment(workspace, 'S3', scene.env, { 'remote.store.ora-url': url }),
    git: { url, directUrl: scene.directUrl, id, pushUrl: `${scene.directUrl.slice('ria+'.length)}/${directory}` },
    check: (all) => expectNothingLostInS3(workspace, scene.bucket, directory, all),
  }
}
