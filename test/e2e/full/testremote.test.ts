import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explain, run, runOk } from '../../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../support/repos/annex-repo.ts'
import { expectNoStrays } from '../../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const HOUR_MS = 3_600_000
const KEY_OWNER = 'tester@example.com'

let workspace: Workspace
let sshd: Sshd
let repo: AnnexRepo
let dataset: RiaDatasetFiles
let root: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  const { env } = workspace
  await runOk('mkdir', ['-m', '700', env.GNUPGHOME ?? ''])
  // gpg would stretch the passphrase of each of thousands of chunks for 0.2 s; it is git-annex's
  // own and random.
  await writeFile(`${env.GNUPGHOME}/gpg.conf`, 's2k-mode 1\n')
  // For encryption=hybrid: a key without a passphrase, which gpg trusts as its own.
  const generate = ['--batch', '--passphrase', '', '--quick-generate-key', KEY_OWNER, 'default', 'default', 'never']
  await runOk('gpg', generate, { env })
  workspace.onRemove(async () => void (await run('gpgconf', ['--kill', 'all'], { env })))
  sshd = await startSshd(workspace)
  root = workspace.path('store')
  dataset = await addDataset(workspace, await makeRiaStore(root))
  repo = await makeAnnexRepo(workspace, 'repo', { timeoutMs: HOUR_MS })
})
afterAll(() => workspace?.remove())

const settings = {
  'as it is': {},
  'with encryption=shared': { encryption: 'shared' },
  'with encryption=hybrid': { encryption: 'hybrid', keyid: KEY_OWNER },
  'with chunk=1MiB': { chunk: '1MiB' },
}

describe.each(['file', 'ssh2', 'openssh'])('git annex testremote passes in full through %s', (access) => {
  test.each(Object.entries(settings))('%s', async (name, setting) => {
    const url = access === 'file' ? `ria+file://${root}` : `ria+ssh://${sshd.alias}${root}`
    const remote = `${access}-${name.replace(/\W/g, '-')}`
    await initRemote(repo, url, dataset.id, { name: remote, settings: setting })
    if (access !== 'file') await repo.setConfig(`remote.${remote}.riastore-ssh`, access)
    const result = await repo.tryAnnex('testremote', remote)
    expect(result.status, explain(result)).toBe(0)
    const [, count] = /All (\d+) tests passed/.exec(result.stdout) ?? []
    expect(Number(count)).toBeGreaterThanOrEqual(573)
    expect(await dataset.keys()).toEqual([])
    await expectNoStrays(dataset)
  })
})
