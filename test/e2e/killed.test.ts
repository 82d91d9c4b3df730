import { randomBytes } from 'node:crypto'
import { stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { descendants, isAlive, signal } from '../support/programs/processes.ts'
import { type Running, run, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, exists, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, initRemote, listTree, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../support/servers/stall-proxy.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const MIB = 1024 * 1024
const large = randomBytes(12 * MIB)
/** No stall ends our process before it is told to end: it would take so long. s. */
const NO_STALL = 24 * 3600
/**
 * What is done afterwards has one again: what hangs there says so, well before the test is ended.
 * s.
 */
const STALL = 120
/** Larger than any pid. */
const NOBODY = 2 ** 30
/** For what would never come; ms. */
const LIMIT_MS = 300_000

/**
 * The ways in which a run ends early: a signal to our process, or git-annex going away, which
 * closes its stdin.
 */
const deaths = ['SIGKILL', 'SIGTERM', 'SIGINT', 'stdin closed'] as const
type Death = (typeof deaths)[number]
/** Where it makes no difference how our process gets to know of its end. */
const fewDeaths = variants<Death>(['SIGKILL', 'SIGTERM'], deaths)
/** And where it is not ours what goes on: OpenSSH ends with us. */
const oneDeath = variants<Death>(['SIGKILL'], deaths)

function startAnnex(repo: AnnexRepo, ...parameters: string[]): Running {
  const annex = repo.startAnnex(...parameters)
  started.push(annex)
  return annex
}

/** Runs of git-annex that a failed test left behind; they hold locks. */
const started: Running[] = []
function killAllStarted() {
  for (const annex of started.splice(0)) annex.killGroup()
}

async function ourProcess(annex: Running): Promise<number> {
  const ours = (await descendants(annex.pid)).filter(({ command }) => command.includes('git-annex-remote-ora.js'))
  expect(ours.length).toBeLessThanOrEqual(1)
  // It may have ended by now; this is nobody's.
  return ours[0]?.pid ?? NOBODY
}

/** What goes on when a test has failed: it is seen on machines that nobody can look at. */
async function tell(proxy: StallProxy): Promise<void> {
  const ours = (await descendants(process.pid)).map(({ pid, parent, command }) => `${pid} < ${parent}  ${command}`)
  const sockets = await run('ss', ['-tinH', `( sport = :${proxy.port} or dport = :${proxy.port} )`]).then(
    ({ stdout }) => stdout,
    () => '(no ss here)',
  )
  console.error([`forwarded: ${JSON.stringify(proxy.forwarded())}`, ...ours, sockets].join('\n'))
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const giveUp = performance.now() + LIMIT_MS
  while (!(await condition())) {
    if (performance.now() > giveUp) throw new Error(`waited in vain until ${what}`)
    await sleep(5)
  }
}

/** Ends our process in the middle of its work, and waits until it and git-annex are gone. */
async function die(annex: Running, death: Death): Promise<void> {
  expect(await diesInTime(annex, death)).toBe(true)
}

/** The same; gives false when git-annex had done its work before we came to it. */
async function diesInTime(annex: Running, death: Death): Promise<boolean> {
  if (annex.child.exitCode !== null) return false
  const pid = await ourProcess(annex)
  if (death === 'stdin closed') signal(annex.pid, 'SIGKILL')
  else signal(pid, death)
  await until(async () => !(await isAlive(pid)), `the process ends by ${death}`)
  if (death === 'stdin closed') annex.killGroup()
  const result = await annex.done
  expect(result.timedOut).toBe(false)
  return result.status !== 0
}

describe('over ssh', () => {
  let workspace: Workspace
  let sshd: Sshd
  let proxy: StallProxy
  let repo: AnnexRepo
  let dataset: RiaDatasetFiles
  const remote = 'store'

  beforeAll(async () => {
    workspace = await makeWorkspace()
    sshd = await startSshd(workspace)
    proxy = await startStallProxy(sshd.port)
    workspace.onRemove(() => proxy.stop())
    await sshd.addAlias('behind-the-proxy', { Port: proxy.port })
    const store = await makeRiaStore(workspace.path('store'))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, 'repo')
    await repo.add({ 'large.bin': large })
    // git-annex would start the remote again by itself when some progress was made.
    await repo.setConfig('annex.forward-retry', '0')
    await initRemote(repo, `ria+ssh://behind-the-proxy${store.root}`, dataset.id, { name: remote })
  })
  afterAll(() => workspace?.remove())
  const stallAfter = (seconds: number) => repo.setConfig(`remote.${remote}.riastore-stall-timeout`, String(seconds))
  beforeEach(() => stallAfter(NO_STALL))
  /** The network is as before, for all that comes. */
  const recover = async () => {
    proxy.cut()
    proxy.resume()
    await stallAfter(STALL)
  }
  afterEach(async (context) => {
    if (context.task.result?.state === 'fail') await tell(proxy)
    killAllStarted()
    await recover()
  })

  describe.each(['ssh2', 'openssh'])('through %s', (channel) => {
    beforeAll(() => repo.setConfig(`remote.${remote}.riastore-ssh`, channel))

    test.each(channel === 'ssh2' ? deaths : oneDeath)(
      'an upload that ends by %s leaves no key that is not whole, and a later one succeeds',
      async (death) => {
        const before = proxy.forwarded().up
        proxy.stallAfter(6 * MIB, 'up')
        const annex = startAnnex(repo, 'copy', '--to', remote, 'large.bin')
        await until(() => proxy.forwarded().up - before >= 6 * MIB, 'half of it is sent')
        await die(annex, death)
        await recover()
        expect(await dataset.keys()).toEqual([])
        expect((await repo.checkPresent('large.bin', remote)).presence).toBe('absent')

        await repo.annex('copy', '--to', remote, 'large.bin')
        await repo.annex('fsck', '--from', remote, 'large.bin')
        await repo.annex('drop', '--from', remote, '--force', 'large.bin')
        expect(await dataset.keys()).toEqual([])
      },
    )

    // What is told to end has nothing in the repository to tidy up: git-annex goes on from there.
    test.each(channel === 'ssh2' ? fewDeaths : oneDeath)(
      'a download that ends by %s leaves no content that is not whole, and a later one goes on from there',
      async (death) => {
        await repo.annex('copy', '--to', remote, 'large.bin')
        await repo.annex('drop', 'large.bin')
        const before = proxy.forwarded().down
        proxy.stallAfter(8 * MIB, 'down')
        const annex = startAnnex(repo, 'get', '--from', remote, 'large.bin')
        await until(() => proxy.forwarded().down - before >= 8 * MIB, 'a good part of it has come')
        const part = join(repo.path, '.git/annex/tmp', await repo.key('large.bin'))
        await until(async () => (await sizeOf(part)) > 4.5 * MIB, 'what has come is written')
        await die(annex, death)
        await recover()
        expect(await repo.has('large.bin')).toBe(false)

        const again = proxy.forwarded().down
        await repo.annex('get', '--from', remote, 'large.bin')
        expect((await repo.read('large.bin')).equals(large)).toBe(true)
        expect(proxy.forwarded().down - again).toBeLessThan(8 * MIB)
        await repo.annex('drop', '--from', remote, 'large.bin')
      },
    )

    if (!variants<string>(['ssh2'], ['ssh2', 'openssh']).includes(channel)) return
    test('Ctrl-C ends everything at once', async () => {
      proxy.stallAfter(6 * MIB, 'up')
      const before = proxy.forwarded().up
      const annex = startAnnex(repo, 'copy', '--to', remote, 'large.bin')
      await until(() => proxy.forwarded().up - before >= 6 * MIB, 'half of it is sent')
      const pid = await ourProcess(annex)
      annex.killGroup('SIGINT')
      await annex.done
      await until(async () => !(await isAlive(pid)), 'our process ends')
      expect(await dataset.keys()).toEqual([])
    })
  })
})

describe.skipIf(!isRoot)('on a disk', () => {
  let workspace: Workspace
  let repo: AnnexRepo
  let dataset: RiaDatasetFiles
  const remote = 'store'
  const bytes = 256 * MIB

  beforeAll(async () => {
    workspace = await makeWorkspace()
    // Two file systems, so that content has to be copied and cannot be cloned, which takes no time.
    const other = workspace.path('disk')
    await runOk('mkdir', [other])
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'riastore-test', other])
    workspace.onRemove(async () => void (await runOk('umount', ['-l', other])))
    const store = await makeRiaStore(join(other, 'store'))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, 'repo')
    await runOk('truncate', ['-s', String(bytes), join(repo.path, 'large.bin')])
    // A backend without checksums: only our own doing is to take time.
    await repo.annex('add', '--backend=WORM', 'large.bin')
    await repo.git('commit', '-q', '-m', 'Add a large file')
    await repo.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
    // git-annex would start the remote again by itself when some progress was made.
    await repo.setConfig('annex.forward-retry', '0')
    await initRemote(repo, `ria+file://${store.root}`, dataset.id, { name: remote })
  })
  afterAll(() => workspace?.remove())
  afterEach(killAllStarted)

  test.each(fewDeaths)(
    'an upload that ends by %s leaves no key that is not whole, and a later one succeeds',
    async (death) => {
      for (;;) {
        const before = (await dataset.strays()).length
        const annex = startAnnex(repo, 'copy', '--to', remote, 'large.bin')
        const isOver = () => annex.child.exitCode !== null
        await until(async () => isOver() || (await dataset.strays()).length > before, 'the upload has begun')
        if ((await diesInTime(annex, death)) && (await dataset.keys()).length === 0) break
        // It was faster, if only by its last word: once more. What is there is whole.
        await repo.annex('fsck', '--from', remote, '--fast', 'large.bin')
        await repo.annex('drop', '--from', remote, '--force', 'large.bin')
      }
      expect((await repo.checkPresent('large.bin', remote)).presence).toBe('absent')
      for (const stray of await dataset.strays()) expect(stray).toMatch(/^ora-remote-[0-9a-f-]+\/transfer\/riastore-/)
      if (death === 'SIGTERM') {
        await repo.annex('copy', '--to', remote, 'large.bin')
        expect(await dataset.keys()).toEqual([await repo.key('large.bin')])
        await repo.annex('drop', '--from', remote, '--force', 'large.bin')
      }
    },
  )

  test.each(fewDeaths)(
    'a download that ends by %s leaves no content that is not whole, and a later one succeeds',
    async (death) => {
      await repo.annex('copy', '--to', remote, 'large.bin')
      await repo.annex('drop', 'large.bin')
      const part = join(repo.path, '.git/annex/tmp', await repo.key('large.bin'))
      for (;;) {
        const annex = startAnnex(repo, 'get', '--from', remote, 'large.bin')
        const isOver = () => annex.child.exitCode !== null
        await until(async () => isOver() || (await exists(part)), 'the download has begun')
        if (await diesInTime(annex, death)) break
        await repo.annex('drop', 'large.bin') // it was faster: once more
      }
      expect(await repo.has('large.bin')).toBe(false)
      await repo.annex('get', '--from', remote, 'large.bin')
      expect(await repo.size('large.bin')).toBe(bytes)
      await runOk('cmp', ['-n', String(bytes), join(repo.path, 'large.bin'), '/dev/zero'])
      await repo.annex('drop', '--from', remote, 'large.bin')
    },
  )
})

describe.each(['file', 'ssh'])('temporary files on ria+%s', (scheme) => {
  let workspace: Workspace

  afterAll(() => workspace?.remove())

  test('of dead uploads are removed by a later upload, those of living ones are not', async () => {
    workspace = await makeWorkspace()
    const store = await makeRiaStore(workspace.path('store'))
    const dataset = await addDataset(workspace, store)
    const repo = await makeAnnexRepo(workspace, 'repo')
    await repo.add({ 'a.txt': 'a\n', 'large.bin': large })
    const url =
      scheme === 'file' ? `ria+file://${store.root}` : `ria+ssh://${(await startSshd(workspace)).alias}${store.root}`
    const remote = await initRemote(repo, url, dataset.id)
    const directory = join(dataset.path, `ora-remote-${await repo.uuid(remote)}/transfer`)
    await runOk('mkdir', ['-p', directory])
    const temporary = (n: number) => join(directory, `riastore-4711-0123456789ab-${n}.tmp`)
    const now = Date.now() / 1000
    for (const [n, hours] of [
      [1, 49],
      [2, 25],
      [3, 1],
    ] as const) {
      await writeFile(temporary(n), 'a part')
      await utimes(temporary(n), now - 3600 * hours, now - 3600 * hours)
    }
    await writeFile(join(directory, 'somebody-elses'), 'not ours')
    await utimes(join(directory, 'somebody-elses'), now - 3600 * 49, now - 3600 * 49)

    await repo.annex('copy', '--to', remote, '.')
    const left = (await listTree(directory)).map((entry) => entry.path)
    expect(left).toEqual(['riastore-4711-0123456789ab-3.tmp', 'somebody-elses'])
    expect(await dataset.keys()).toHaveLength(2)
  })
})
