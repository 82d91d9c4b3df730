import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { addDataset, addRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

// Whichever store the bytes come from, they are checked in one place.
describe.each(variants(['file'], ['file', 'ssh']))('a download over ria+%s', (scheme) => {
  let workspace: Workspace
  let repo: AnnexRepo
  let dataset: RiaDatasetFiles
  const remote = 'store'
  const content = randomBytes(200_000)
  const file = 'data.bin'

  beforeAll(async () => {
    workspace = await makeWorkspace()
    const store = await makeRiaStore(workspace.path('store'))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, 'repo')
    const url =
      scheme === 'file' ? `ria+file://${store.root}` : `ria+ssh://${(await startSshd(workspace)).alias}${store.root}`
    await addRemote(repo, url, dataset.id, remote)
    await repo.add({ [file]: content })
    await repo.annex('copy', '--to', remote, file)
    await repo.annex('drop', file)
  })
  afterAll(() => workspace?.remove())

  async function configure(annexVerify: boolean | undefined, riastoreVerify: string | undefined) {
    await repo.try('git', 'config', '--unset', `remote.${remote}.annex-verify`)
    await repo.try('git', 'config', '--unset', `remote.${remote}.riastore-verify`)
    if (annexVerify !== undefined) await repo.setConfig(`remote.${remote}.annex-verify`, String(annexVerify))
    if (riastoreVerify !== undefined) await repo.setConfig(`remote.${remote}.riastore-verify`, riastoreVerify)
  }

  async function replaceInStore(bytes: Uint8Array) {
    const place = await dataset.keyFile(repo, await repo.key(file))
    await chmod(place, 0o644)
    await writeFile(place, bytes)
  }

  /** One bit is not as it was. */
  function flipped(): Buffer {
    const damaged = Buffer.from(content)
    damaged[150_000] = (damaged[150_000] ?? 0) ^ 1
    return damaged
  }

  const settings = [
    [false, undefined],
    [false, 'auto'],
    [false, 'always'],
    [true, 'always'],
    [undefined, 'always'],
  ] as const
  test.each(settings)(
    'with annex-verify=%s and riastore-verify=%s refuses a key whose content is damaged, and says which copy',
    async (annexVerify, riastoreVerify) => {
      await configure(annexVerify, riastoreVerify)
      await replaceInStore(flipped())
      const result = await repo.tryAnnex('get', '--from', remote, file)
      expect(result.status).toBe(1)
      expect(result.stdout + result.stderr).toContain(dataset.path)
      expect(await repo.has(file)).toBe(false)
      // The good content comes the next time: the bad one was not kept to go on from.
      await replaceInStore(content)
      await repo.annex('get', '--from', remote, file)
      expect((await repo.read(file)).equals(content)).toBe(true)
      await repo.annex('drop', file)
    },
  )

  test('with annex-verify=false checks what it goes on with, too', async () => {
    await configure(false, undefined)
    await mkdir(`${repo.path}/.git/annex/tmp`, { recursive: true })
    await writeFile(`${repo.path}/.git/annex/tmp/${await repo.key(file)}`, flipped().subarray(0, 170_000))
    const result = await repo.tryAnnex('get', '--from', remote, file)
    // It may begin anew by itself, or fail and begin anew the next time.
    if (result.status !== 0) await repo.annex('get', '--from', remote, file)
    expect((await repo.read(file)).equals(content)).toBe(true)
    await repo.annex('drop', file)
  })

  test('with annex-verify=false takes a good key of each backend that has checksums', async () => {
    await configure(false, undefined)
    const backends = [
      'MD5E',
      'SHA1',
      'SHA256E',
      'SHA512',
      'SHA384E',
      'SHA224',
      'SHA3_256E',
      'SHA3_512',
      'BLAKE2B256E',
      'BLAKE2B512',
      'BLAKE2S256',
      'BLAKE2SP256',
      'BLAKE2BP512',
      'WORM',
    ]
    const names = backends.map((backend) => `of ${backend}.dat`)
    for (const [i, backend] of backends.entries()) {
      await repo.write(names[i] ?? '', randomBytes(1000))
      await repo.annex('add', `--backend=${backend}`, names[i] ?? '')
    }
    await repo.git('commit', '-q', '-m', 'Add files of all backends')
    await repo.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
    await repo.annex('copy', '--to', remote, ...names)
    await repo.annex('drop', ...names)
    await repo.annex('get', '--from', remote, ...names)
    // git-annex agrees.
    await repo.annex('fsck', ...names)
    for (const name of names.slice(0, -1)) {
      const place = await dataset.keyFile(repo, await repo.key(name))
      await chmod(place, 0o644)
      await writeFile(place, randomBytes(1000))
    }
    await repo.annex('drop', '--force', ...names)
    const result = await repo.tryAnnex('get', '--from', remote, ...names)
    expect(result.status).toBe(1)
    const got = (await repo.annex('find', '--in=here', ...names)).stdout.trim().split('\n')
    expect(got).toEqual(['of WORM.dat'])
  })

  test('of a key that is too short or too long in the store is refused, whatever is verified', async () => {
    for (const damaged of [content.subarray(0, 100_000), Buffer.concat([content, content]), Buffer.alloc(0)]) {
      for (const [annexVerify, riastoreVerify] of [
        [true, 'never'],
        [false, 'never'],
        [false, 'auto'],
      ] as const) {
        await configure(annexVerify, riastoreVerify)
        await replaceInStore(damaged)
        const result = await repo.tryAnnex('get', '--from', remote, file)
        expect(result.status, `${damaged.length} bytes`).toBe(1)
        expect(await repo.has(file)).toBe(false)
      }
    }
    await replaceInStore(content)
    await repo.annex('get', '--from', remote, file)
    expect((await repo.read(file)).equals(content)).toBe(true)
    await repo.annex('drop', file)
  })

  test('is checked by git-annex by default', async () => {
    await configure(undefined, undefined)
    await replaceInStore(flipped())
    expect((await repo.tryAnnex('get', '--from', remote, file)).status).toBe(1)
    expect(await repo.has(file)).toBe(false)
    await replaceInStore(content)
    await repo.annex('get', '--from', remote, file)
    expect((await repo.read(file)).equals(content)).toBe(true)
    await repo.annex('drop', file)
  })
})
