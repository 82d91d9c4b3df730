import { chmod, mkdir, mkdtemp, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { explain, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, assortedFiles, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, removeTree, type Workspace } from '../support/worlds/workspace.ts'

const ACCOUNT = 'nobody'
const files = assortedFiles()

let workspace: Workspace
let sshd: Sshd
let repo: AnnexRepo
let dataset: RiaDatasetFiles
/** The same directory as the account sees it at /. */
let chroot: string

beforeAll(async () => {
  if (!isRoot) return
  workspace = await makeWorkspace()
  // sshd wants every directory above it to be root's alone, which the usual place for temporary
  // files is not.
  chroot = await mkdtemp('/run/riastore-')
  workspace.onRemove(() => removeTree(chroot))
  await chmod(chroot, 0o755)
  sshd = await startSshd(workspace, { user: ACCOUNT, sftpOnly: { chroot } })
  const store = await makeRiaStore(join(chroot, 'store'))
  dataset = await addDataset(workspace, store)
  await runOk('chown', ['-R', ACCOUNT, store.root])
  repo = await makeAnnexRepo(workspace, 'repo')
  await repo.add(files)
})
afterAll(() => workspace?.remove())

test.skipIf(!isRoot).each(variants(['auto', 'openssh'], ['auto', 'ssh2', 'openssh']))(
  'an account with nothing but SFTP, in a chroot, serves keys in full through %s',
  async (channel) => {
    const shell = await repo.try('ssh', sshd.alias, 'true')
    expect(shell.stdout + shell.stderr).toMatch(/sftp connections only|^$/)
    expect(shell.status).not.toBe(0)

    const remote = await initRemote(repo, `ria+ssh://${sshd.alias}/store`, dataset.id, { name: channel })
    await repo.setConfig(`remote.${remote}.riastore-ssh`, channel)
    await repo.annex('copy', '--to', remote, '.')
    expect(await dataset.keys()).toHaveLength(Object.keys(files).length)
    await expectNoStrays(dataset)
    await repo.annex('fsck', '--fast', '--from', remote, '.')
    await repo.annex('drop', '.')
    await repo.annex('get', '-J4', '--from', remote, '.')
    for (const [file, content] of Object.entries(files)) {
      expect((await repo.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
    await repo.annex('drop', '--from', remote, '.')
    expect(await dataset.keys()).toEqual([])
    for (const file of Object.keys(files)) {
      expect((await repo.checkPresent(file, remote)).presence, file).toBe('absent')
    }
  },
)

test.skipIf(!isRoot)('git annex testremote --fast passes on it', async () => {
  const remote = await initRemote(repo, `ria+ssh://${sshd.alias}/store`, dataset.id, { name: 'tested' })
  const result = await repo.tryAnnex('testremote', remote, '--fast')
  expect(result.status, explain(result)).toBe(0)
  expect(await dataset.keys()).toEqual([])
})

test.skipIf(!isRoot)('the root of its chroot, which holds other things, is no place for a store', async () => {
  const made = await repo.try(process.execPath, riastoreProgram(workspace), 'init', `ria+sftp://${sshd.alias}/`)
  expect(made.status).toBe(1)
  expect(made.stderr).toMatch(/make a store .*: there is something else already \(store\//)
  expect(await readdir(chroot)).toEqual(['store'])
})

test.skipIf(!isRoot)(
  'links that others made are told as the aliases that they are, though nobody can run a program there',
  async () => {
    const alias = join(chroot, 'store/alias')
    await mkdir(alias)
    await symlink(`../${dataset.id.slice(0, 3)}/${dataset.id.slice(3)}`, join(alias, 'named'))
    await symlink('../abc/gone', join(alias, 'gone'))
    const riastore = (...args: string[]) => repo.try(process.execPath, riastoreProgram(workspace), ...args)
    const listed = await riastore('alias', 'ls', `ria+sftp://${sshd.alias}/store`)
    expect(listed.stdout).toBe(`~gone abcgone (dangling: not in the store)\n~named ${dataset.id}\n`)
    const set = await riastore('alias', 'set', `ria+sftp://${sshd.alias}/store`, '~named', 'second')
    expect(set.stderr, explain(set)).not.toContain('name the dataset by its id')
  },
)
