import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { systemPath, systemProgram } from '../programs/programs.ts'
import { type Running, run, start } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'
import { freePort } from './sshd.ts'

export interface S3Account {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An account, and how policies name it: `arn:aws:iam:::user/<user>`. */
export interface S3User extends S3Account {
  readonly user: string
}

/** A real Ceph: one monitor, one disk in memory, and the S3 gateway, all on 127.0.0.1. */
export interface Ceph {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string
  readonly port: number
  /** Where its configuration and its keys are. */
  readonly directory: string
  readonly account: S3Account
  /** The SDK's own client, for what the store under test does not do. */
  client(account?: S3Account): S3Client
  makeBucket(name: string): Promise<void>
  /** Another account, which may do nothing with the first one's buckets. */
  addUser(name: string): Promise<S3User>
}

/** One that was started here. */
export interface CephRgw extends Ceph {
  stop(): Promise<void>
}

const ACCOUNT: S3Account = {
  accessKeyId: 'RIASTORETESTKEY00001',
  secretAccessKey: 'a-secret-that-nobody-may-ever-see-1',
}

// The SDK's own warning about the version of node would be in every test's output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

/** How long each of the daemons may take to come up. ms. */
const START_MS = 300_000

/**
 * Tries again with other ports: somebody else may have been faster to take them. `port`: the
 * gateway's, any free one by default.
 */
export async function startCephRgw({ port }: { port?: number } = {}): Promise<CephRgw> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(port ?? (await freePort()))
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

async function startOnce(port: number): Promise<CephRgw> {
  const directory = await temporaryDirectory()
  const file = (name: string) => `${directory.path}/${name}`
  const monitorPort = await freePort()
  const [fsid, disk] = [randomUUID(), randomUUID()]
  const env = environment(directory.path)
  const tool = (name: string, ...parameters: string[]) => runTool(directory.path, name, parameters)
  const daemons: Running[] = []
  const daemon = async (name: string, ...parameters: string[]) => {
    const running = start(await systemProgram(name), [...parameters, '-f'], { env, timeoutMs: 24 * 3_600_000 })
    daemons.push(running)
    return running
  }
  const stop = async () => {
    for (const { killGroup } of daemons.toReversed()) killGroup()
    await Promise.allSettled(daemons.map(({ done }) => done))
    await directory.remove()
  }

  try {
    await mkdir(file('mon'))
    await mkdir(file('osd'))
    await writeFile(file('ceph.conf'), configuration(directory.path, fsid, port, monitorPort))
    await tool('monmaptool', '--create', '--addv', 'a', `v2:127.0.0.1:${monitorPort}`, '--fsid', fsid, file('monmap'))
    const caps = (...all: [string, string][]) => all.flatMap(([daemon, cap]) => ['--cap', daemon, cap])
    const key = (...parameters: string[]) => tool('ceph-authtool', file('keyring'), '--gen-key', ...parameters)
    await key('--create-keyring', '-n', 'mon.', ...caps(['mon', 'allow *']))
    await key('-n', 'client.admin', ...caps(['mon', 'allow *'], ['osd', 'allow *'], ['mgr', 'allow *']))
    await key('-n', 'client.rgw', ...caps(['mon', 'allow rw'], ['osd', 'allow rwx'], ['mgr', 'allow rw']))
    await key('-n', 'osd.0', ...caps(['mon', 'allow profile osd'], ['osd', 'allow *'], ['mgr', 'allow profile osd']))
    await tool('ceph-mon', '--mkfs', '-i', 'a', '--monmap', file('monmap'), '--keyring', file('keyring'))
    await daemon('ceph-mon', '-i', 'a')
    await tool('ceph', 'osd', 'new', disk)
    await writeFile(file('osd.uuid'), disk)
    await tool('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk)
    await daemon('ceph-osd', '-i', '0')
    await until('the disk is up', async () => /"num_up_osds":1\b/.test(await tool('ceph', 'osd', 'stat', '-f', 'json')))
    await createUser(directory.path, { user: 'test', ...ACCOUNT })
    const gateway = await daemon('radosgw', '-n', 'client.rgw')
    const ceph = connectCeph({ port, directory: directory.path })
    await until('the gateway answers', async () => {
      if (gateway.child.exitCode !== null) throw new Error(`radosgw ended: ${gateway.stderr().slice(-2000)}`)
      return fetch(ceph.endpoint).then(
        (answer) => answer.text().then(() => true),
        () => false,
      )
    })
    return { ...ceph, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The Ceph that another process started. */
export function connectCeph({ port, directory }: { readonly port: number; readonly directory: string }): Ceph {
  const endpoint = `http://127.0.0.1:${port}`
  const client = (account = ACCOUNT) =>
    new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: account })
  return {
    endpoint,
    port,
    directory,
    account: ACCOUNT,
    client,
    makeBucket: async (Bucket) => {
      await client().send(new CreateBucketCommand({ Bucket }))
    },
    addUser: (user) =>
      createUser(directory, {
        user,
        accessKeyId: `KEY${user}`.toUpperCase(),
        secretAccessKey: `another-secret-${randomUUID()}`,
      }),
  }
}

async function createUser(directory: string, account: S3User): Promise<S3User> {
  const { user, accessKeyId, secretAccessKey } = account
  const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey]
  await runTool(directory, 'radosgw-admin', ['user', 'create', '--uid', user, '--display-name', user, ...keys])
  return account
}

function environment(directory: string): NodeJS.ProcessEnv {
  return { PATH: systemPath, LC_ALL: 'C.UTF-8', CEPH_CONF: `${directory}/ceph.conf`, HOME: directory }
}

async function runTool(directory: string, name: string, parameters: readonly string[]): Promise<string> {
  const options = { env: environment(directory), timeoutMs: START_MS }
  const result = await run(await systemProgram(name), parameters, options)
  if (result.status !== 0) throw new Error(`${name} ${parameters.join(' ')}: ${result.stderr.slice(-2000)}`)
  return result.stdout
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + START_MS
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error(`waited in vain until ${what}`)
    await sleep(100)
  }
}

function configuration(directory: string, fsid: string, port: number, monitorPort: number): string {
  return `[global]
fsid = ${fsid}
mon host = v2:127.0.0.1:${monitorPort}/0
mon initial members = a
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = ${directory}/keyring
run dir = ${directory}
admin socket = ${directory}/$name.asok
log file = ${directory}/$name.log
mon cluster log file = ${directory}/cluster.log
crash dir = ${directory}
mon data = ${directory}/mon
mon data avail warn = 1
mon data avail crit = 1
mon allow pool size one = true
mon max pg per osd = 1000
# One monitor has nobody to wait for: two seconds instead of twelve.
paxos propose interval = 0.02
paxos min wait = 0.01
osd data = ${directory}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd mclock skip benchmark = true
osd crush chooseleaf type = 0
osd class update on start = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
rgw rados pool pg num min = 2
rgw rados pool autoscale bias = 1
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
# Room for what comes next, soon after something large was removed; not two hours later.
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw thread pool size = 64
rgw dns name = localhost
rgw resolve cname = false
`
}
