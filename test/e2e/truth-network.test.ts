import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { explain, type Result, runOk } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../support/servers/stall-proxy.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const STALL_SECONDS = 1
const large = randomBytes(12 * 1024 * 1024)
const HALF = 6 * 1024 * 1024

/**
 * After how many bytes from the server a connection is cut or falls silent: somewhere in the
 * greeting, the key exchange, the login, the start of SFTP, the answers. Most of that is not ours
 * where OpenSSH is the client.
 */
const moments = {
  ssh2: {
    cut: variants([0, 2500, 4000], [0, 700, 2500, 3300, 4000]),
    silent: variants([1500], [0, 1500, 3300]),
  },
  openssh: { cut: variants([3300], [0, 700, 2500, 3300, 4000]), silent: variants([], [0, 1500, 3300]) },
}

describe.each(['ssh2', 'openssh'] as const)('through %s', (channel) => {
  const { cut, silent } = moments[channel]
  let workspace: Workspace
  let sshd: Sshd
  let proxy: StallProxy
  let repo: AnnexRepo
  let dataset: RiaDatasetFiles
  let host: string
  const remote = 'store'

  beforeAll(async () => {
    workspace = await makeWorkspace()
    sshd = await startSshd(workspace)
    proxy = await startStallProxy(sshd.port)
    workspace.onRemove(() => proxy.stop())
    host = await sshd.addAlias('behind-the-proxy', { Port: proxy.port })
    const store = await makeRiaStore(workspace.path('store'))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, 'repo')
    await repo.add({
      there: 'in the store\n',
      elsewhere: 'never stored\n',
      'large.bin': large,
      'larger.bin': Buffer.concat([large, large]),
    })
    await addRemote(repo, `ria+ssh://${host}${store.root}`, dataset.id, remote)
    await repo.setConfig(`remote.${remote}.riastore-ssh`, channel)
    await repo.annex('copy', '--to', remote, 'there', 'large.bin')
    await repo.annex('drop', 'large.bin')
  })
  afterAll(() => workspace?.remove())
  afterEach(async () => {
    proxy.cut()
    proxy.resume()
  })

  function expectReason(result: Result) {
    const said = `${result.stdout}\n${result.stderr}`
    expect(said).toContain(host)
    expect(said).not.toMatch(/^\s+at /m)
    expect(result.timedOut, explain(result)).toBe(false)
  }

  /** That it was the watchdog which ended it, after its time. */
  function expectStall(result: Result) {
    expect(`${result.stdout}\n${result.stderr}`).toContain(`no progress for ${STALL_SECONDS} s`)
  }

  async function expectUnknown(file: string): Promise<Result> {
    const { presence, result } = await repo.checkPresent(file, remote)
    expect(presence, explain(result)).toBe('unknown')
    expectReason(result)
    return result
  }

  async function expectFailure(...parameters: string[]): Promise<Result> {
    const result = await repo.tryAnnex(...parameters)
    expect(result.status, explain(result)).toBe(1)
    expectReason(result)
    return result
  }

  async function expectLargeNowhere() {
    expect(await dataset.keys()).not.toContain(await repo.key('larger.bin'))
    expect(await dataset.keys()).toContain(await repo.key('large.bin'))
    expect(await repo.has('large.bin')).toBe(false)
  }

  // Of OpenSSH's own ways to end, one of each kind is enough each day.
  const isThorough = variants(['ssh2'], ['ssh2', 'openssh']).includes(channel)

  if (isThorough) {
    test('it is unknown what is there while the server is down, and known when it is back', async () => {
      await sshd.kill()
      try {
        await expectUnknown('there')
        await expectUnknown('elsewhere')
        await expectFailure('get', '--from', remote, 'large.bin')
        await expectFailure('copy', '--to', remote, 'larger.bin')
        expect((await repo.tryAnnex('drop', 'there')).status).toBe(1)
      } finally {
        await sshd.restart()
      }
      expect((await repo.checkPresent('there', remote)).presence).toBe('present')
      expect((await repo.checkPresent('elsewhere', remote)).presence).toBe('absent')
    })
  }

  test('it is unknown what is there when the server does not let us in', async () => {
    const wrongKey = workspace.path('ssh/wrong_key')
    await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrongKey])
    await sshd.addAlias('locked', { IdentityFile: wrongKey })
    await repo.setConfig(`remote.${remote}.ora-url`, `ria+ssh://locked${workspace.path('store')}`)
    const { presence, result } = await repo.checkPresent('there', remote)
    await repo.git('config', '--unset', `remote.${remote}.ora-url`)
    expect(presence).toBe('unknown')
    expect(result.stderr).toContain('locked')
    expect(result.stderr).toMatch(/permission denied|authentication/i)
  })

  test('it is unknown what is there when the server is not the one that we know', async () => {
    const other = await startSshd(workspace)
    const known = workspace.path('ssh/other_known_hosts')
    const otherKey = await readFile(workspace.path(`sshd-${other.alias}/host_key.pub`), 'utf8')
    await writeFile(known, `impostor ${otherKey}`)
    await sshd.addAlias('impostor', { UserKnownHostsFile: known, HostKeyAlias: 'impostor' })
    await repo.setConfig(`remote.${remote}.ora-url`, `ria+ssh://impostor${workspace.path('store')}`)
    const { presence, result } = await repo.checkPresent('there', remote)
    await repo.git('config', '--unset', `remote.${remote}.ora-url`)
    expect(presence).toBe('unknown')
    expect(result.stderr).toContain('impostor')
    expect(result.stderr).toMatch(/host key/i)
  })

  test.each(cut)(
    'a connection that is cut for good after %i bytes from the server leaves it unknown',
    async (bytes) => {
      proxy.cutAfter(bytes, 'down', 'refuse')
      const { presence, result } = await repo.checkPresent('elsewhere', remote)
      expect(presence === 'unknown' || (presence === 'absent' && proxy.forwarded().down > 0), explain(result)).toBe(
        true,
      )
      if (presence === 'unknown') expectReason(result)
    },
  )

  test('a connection that is cut at any point never makes a key that is there absent', async () => {
    for (const bytes of [300, ...variants([1700, 3100, 4500], [1000, 1700, 2400, 3100, 3800, 4500])]) {
      proxy.cutAfter(bytes, 'down')
      expect((await repo.checkPresent('there', remote)).presence, `${bytes} bytes`).not.toBe('absent')
      proxy.resume()
    }
  })

  if (isThorough) {
    test('an upload whose connection is cut for good fails, and leaves nothing that could be taken for the key', async () => {
      proxy.cutAfter(HALF, 'up', 'refuse')
      await expectFailure('copy', '--to', remote, 'larger.bin')
      await expectLargeNowhere()
    })

    test('a download whose connection is cut for good fails, and leaves nothing that could be taken for the content', async () => {
      proxy.cutAfter(HALF, 'down', 'refuse')
      await expectFailure('get', '--from', remote, 'large.bin')
      await expectLargeNowhere()
    })
  }

  describe('with a stall timeout', () => {
    beforeAll(() => repo.setConfig(`remote.${remote}.riastore-stall-timeout`, String(STALL_SECONDS)))
    // What waits for an answer that comes must not depend on how busy the machine is.
    afterAll(() => repo.git('config', '--unset', `remote.${remote}.riastore-stall-timeout`))

    test.each(silent)('a server that falls silent after %i bytes leaves it unknown, soon', async (bytes) => {
      proxy.stallAfter(bytes, 'down')
      const { presence, result } = await repo.checkPresent('elsewhere', remote)
      expect(presence === 'unknown' || presence === 'absent', explain(result)).toBe(true)
      if (presence === 'absent') expect(proxy.forwarded().down).toBeGreaterThan(0)
      else {
        expectReason(result)
        expectStall(result)
      }
    })

    test('a server that accepts connections and never says a word leaves it unknown, soon', async () => {
      proxy.stall()
      expectStall(await expectUnknown('there'))
    })

    test('an upload that stalls fails soon, and leaves nothing that could be taken for the key', async () => {
      proxy.stallAfter(HALF, 'up')
      const result = await expectFailure('copy', '--to', remote, 'larger.bin')
      expectStall(result)
      await expectLargeNowhere()
    })

    if (!isThorough) return
    test('a download that stalls fails soon, and leaves nothing that could be taken for the content', async () => {
      proxy.stallAfter(HALF, 'down')
      const result = await expectFailure('get', '--from', remote, 'large.bin')
      expectStall(result)
      await expectLargeNowhere()
    })
  })

  test('a slow connection is no stalled one', async () => {
    proxy.delay(50)
    try {
      expect((await repo.checkPresent('there', remote)).presence).toBe('present')
    } finally {
      proxy.delay(0)
    }
  })

  test('when the network is back everything works', async () => {
    await repo.annex('get', '--from', remote, 'large.bin')
    expect((await repo.read('large.bin')).equals(large)).toBe(true)
    await repo.annex('copy', '--to', remote, 'larger.bin')
    await repo.annex('fsck', '--from', remote, 'larger.bin')
  })
})
