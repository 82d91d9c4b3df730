import { randomBytes } from 'node:crypto'
import { chmod, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk } from '../support/programs/run.ts'
import { asUser, isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, type Asked, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const ACCOUNT = 'nobody'
const UID = 61001

interface Place {
  readonly dataset: RiaDatasetFiles
  readonly root: string
}

interface Trouble {
  readonly name: string
  make(place: Place): Promise<void>
  end(place: Place): Promise<void>
  /** The loose key itself can still be seen, so that "it is there" would be true. */
  readonly keyVisible?: boolean
}

const layoutFile = ({ dataset }: Place) => join(dataset.path, 'ria-layout-version')
const objects = ({ dataset }: Place) => join(dataset.path, 'annex/objects')
const away = (path: string) => `${path}.away`
const moved = (name: string, which: (place: Place) => string): Trouble => ({
  name,
  make: (place) => rename(which(place), away(which(place))),
  end: (place) => rename(away(which(place)), which(place)),
})
const forbidden = (name: string, which: (place: Place) => string, mode: number, keyVisible = false): Trouble => ({
  name,
  keyVisible,
  make: (place) => chmod(which(place), 0),
  end: (place) => chmod(which(place), mode),
})

const troubles: Trouble[] = [
  {
    name: 'the disk is not mounted, its mount point is empty',
    make: async ({ root }) => {
      await rename(root, away(root))
      await mkdir(root)
    },
    end: async ({ root }) => {
      await rmdir(root)
      await rename(away(root), root)
    },
  },
  moved('the store is gone', ({ root }) => root),
  moved('the directory of the dataset is gone', ({ dataset }) => dataset.path),
  { ...moved('the layout file is gone', layoutFile), keyVisible: true },
  forbidden('the layout file may not be read', layoutFile, 0o644, true),
  forbidden('the directory of the keys may not be searched', objects, 0o755),
  forbidden('the directory of the dataset may not be searched', ({ dataset }) => dataset.path, 0o755),
  forbidden('the store may not be searched', ({ root }) => root, 0o755),
  {
    name: 'an archive lies there that cannot be read',
    keyVisible: true,
    make: ({ dataset }) => writeFile(join(dataset.path, 'archives/archive.7z'), randomBytes(4096)),
    end: ({ dataset }) => rm(join(dataset.path, 'archives/archive.7z')),
  },
]

describe.skipIf(!isRoot).each(['file', 'ssh2', 'openssh'])('through %s', (access) => {
  let workspace: Workspace
  let sshd: Sshd
  let repo: AnnexRepo
  let place: Place
  const remote = 'store'

  beforeAll(async () => {
    workspace = await makeWorkspace()
    // Somebody who is not root looks into the store: root may look everywhere.
    const options = access === 'file' ? await asUser(workspace, { uid: UID, gid: UID }) : {}
    repo = await makeAnnexRepo(workspace, 'repo', options)
    sshd = await startSshd(workspace, { user: ACCOUNT })
    const root = workspace.path('mount/store')
    const dataset = await addDataset(workspace, await makeRiaStore(root))
    place = { root, dataset }
    await runOk('chown', ['-R', access === 'file' ? String(UID) : ACCOUNT, workspace.path('mount')])
    const url = access === 'file' ? `ria+file://${root}` : `ria+ssh://${sshd.alias}${root}`
    await addRemote(repo, url, dataset.id, remote)
    if (access !== 'file') await repo.setConfig(`remote.${remote}.riastore-ssh`, access)
    await repo.add({ there: 'in the store\n', elsewhere: 'never stored\n' })
    await repo.annex('copy', '--to', remote, 'there')
  })
  afterAll(() => workspace?.remove())

  test('what is there is present, and what was never stored is absent', async () => {
    expect((await repo.checkPresent('there', remote)).presence).toBe('present')
    expect((await repo.checkPresent('elsewhere', remote)).presence).toBe('absent')
  })

  // Both channels speak SFTP; a refusal by the disk, and one by the layout, tell them apart. What
  // is absent for SFTP and what is refused: test/programs/conformance/sftp.test.ts.
  const few = access === 'openssh' ? troubles.slice(4, 6) : [...troubles.slice(2, 6), ...troubles.slice(8)]
  const here = access === 'file' ? troubles : variants(few, troubles)

  test.each(here)('it is unknown what is there when $name', async (trouble) => {
    await trouble.make(place)
    try {
      const there = await repo.checkPresent('there', remote)
      expect(
        there.presence === 'unknown' || (trouble.keyVisible && there.presence === 'present'),
        there.result.stderr,
      ).toBe(true)
      const elsewhere = await repo.checkPresent('elsewhere', remote)
      expect(elsewhere.presence).toBe('unknown')
      expectReason(elsewhere, place.root)
      if (access !== 'file') expectReason(elsewhere, sshd.alias)
    } finally {
      await trouble.end(place)
    }
    expect((await repo.checkPresent('there', remote)).presence).toBe('present')
  })

  test('what was never stored is absent again when the troubles are over', async () => {
    expect((await repo.checkPresent('elsewhere', remote)).presence).toBe('absent')
  })

  test('nothing is dropped, and nothing is taken for lost, while the disk is not mounted', async () => {
    const [trouble] = troubles
    await trouble?.make(place)
    try {
      expect((await repo.tryAnnex('drop', 'there')).status).toBe(1)
      expect(await repo.has('there')).toBe(true)
      expect((await repo.tryAnnex('fsck', '--fast', '--from', remote, 'there')).status).toBe(1)
      expect((await repo.tryAnnex('drop', '--from', remote, 'there')).status).toBe(1)
      expect((await repo.annex('find', '--in', remote)).stdout).toBe('there\n')
      const copy = await repo.tryAnnex('copy', '--to', remote, 'elsewhere')
      expect(copy.status).toBe(1)
      expect(copy.stdout + copy.stderr).toContain(place.root)
    } finally {
      await trouble?.end(place)
    }
  })

  test('a key that is a directory, or lies below a file, is not reported as there', async () => {
    const key = await repo.key('elsewhere')
    const file = await place.dataset.keyFile(repo, key)
    await mkdir(file, { recursive: true })
    expect((await repo.checkPresent('elsewhere', remote)).presence).not.toBe('present')
    await rm(file, { recursive: true })
  })
})

/** The reason is one line, for people, and names what it is about. */
function expectReason({ result }: Asked, name: string) {
  const lines = result.stderr.trim().split('\n')
  expect(
    lines.some((line) => line.includes(name)),
    result.stderr,
  ).toBe(true)
  expect(lines.length, result.stderr).toBeLessThanOrEqual(2)
  expect(result.stderr).not.toMatch(/^\s+at /m)
}
