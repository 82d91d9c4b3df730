import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dataset } from '../../../src/setup/dataset.ts'
import { run } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'a dataset')
  await git(directory.path, 'init', '-q', path)
})
afterAll(() => directory.remove())

async function git(cwd: string, ...args: string[]) {
  const settings = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'protocol.file.allow=always']
  const result = await run('git', [...settings, ...args], { cwd })
  expect(result.status, result.stderr).toBe(0)
  return result.stdout.trim()
}

test('it is found from any directory in it, and has the id that DataLad gave it', async () => {
  await mkdir(join(path, 'deep/er'), { recursive: true })
  expect((await Dataset.open(path)).id).toBeUndefined()
  await mkdir(join(path, '.datalad'))
  await writeFile(
    join(path, '.datalad/config'),
    '[datalad "dataset"]\n\tid = abc-def\n[riastore "site"]\n\tstore = x\n',
  )
  const dataset = await Dataset.open(join(path, 'deep/er'))
  expect([dataset.path, dataset.gitDir, dataset.id]).toEqual([path, join(path, '.git'), 'abc-def'])
  expect((await dataset.committedConfig()).get('riastore.site.store')).toBe('x')
  // A sparse checkout need not have the file.
  await git(path, 'add', '.')
  await git(path, 'commit', '-q', '-m', 'config')
  expect(await dataset.hasCommit()).toBe(true)
  await rm(join(path, '.datalad'), { recursive: true })
  expect((await Dataset.open(path)).id).toBe('abc-def')
})

test('what is no dataset is told in one line', async () => {
  const plain = join(directory.path, 'plain')
  await mkdir(plain)
  await expect(Dataset.open(plain)).rejects.toThrow(`${plain}: this is no git repository`)
  await expect(Dataset.open(join(plain, 'none'))).rejects.toThrow('there is no such directory')
  await git(plain, 'init', '-q', '--bare')
  await expect(Dataset.open(plain)).rejects.toThrow('this repository has no work tree')
  const dataset = await Dataset.open(path)
  expect(await dataset.annexUuid()).toBeUndefined()
  await expect(dataset.requireAnnexUuid()).rejects.toThrow(`${path} has no git-annex: run git annex init there`)
})

test('its configuration is read, set, added to and taken away', async () => {
  const dataset = await Dataset.open(path)
  await dataset.set('remote.A b.url', 'one')
  await dataset.add('remote.A b.url', 'two (2)')
  expect(await dataset.get('Remote.A b.URL')).toBe('two (2)')
  expect(await dataset.getAll('remote.A b.url')).toEqual(['one', 'two (2)'])
  await dataset.unset('remote.A b.url', 'two (2)')
  expect(await dataset.getLocal('remote.A b.url')).toEqual(['one'])
  expect(await dataset.remotes()).toEqual(['A b'])
  const section = await dataset.localSection('remote.A b')
  await dataset.set('remote.A b.url', 'three')
  await dataset.set('remote.A b.pushurl', 'four')
  await dataset.replaceSection('remote.A b', section)
  expect(await dataset.localSection('remote.A b')).toEqual([['remote.A b.url', 'one']])
  await dataset.replaceSection('remote.A b', [])
  await dataset.replaceSection('remote.A b', [])
  await dataset.unset('remote.A b.url')
  expect(await dataset.remotes()).toEqual([])
})

test('subdatasets are those that are there, each before those in it', async () => {
  const top = join(directory.path, 'top')
  const sub = join(directory.path, 'sub')
  for (const each of [top, sub]) {
    await git(directory.path, 'init', '-q', each)
    await git(each, 'commit', '-q', '--allow-empty', '-m', 'first')
  }
  for (const name of ['one', 'gone']) await git(top, 'submodule', '--quiet', 'add', sub, name)
  await git(join(top, 'one'), 'submodule', '--quiet', 'add', sub, 'deep')
  await rm(join(top, 'gone'), { recursive: true })
  await git(top, 'config', '--file', '.gitmodules', 'submodule.evil.path', '../sub')
  const dataset = await Dataset.open(top)
  const paths: string[] = []
  for await (const each of dataset.withSubdatasets()) paths.push(each.path)
  expect(paths).toEqual([top, join(top, 'one'), join(top, 'one/deep')])
  expect((await dataset.subdatasets()).map((each) => each.gitDir)).toEqual([join(top, '.git/modules/one')])
})

test('a subdataset that leads out of the dataset, by its path or by a link, is none, and is told', async () => {
  const top = join(directory.path, 'linked')
  const outside = join(directory.path, 'outside')
  for (const each of [top, outside, join(outside, 'inner')]) await git(directory.path, 'init', '-q', each)
  await symlink(outside, join(top, 'link'))
  for (const [name, path] of Object.entries({ a: 'link', b: 'link/inner', c: '../outside', d: '.', e: 'link/' })) {
    await git(top, 'config', '--file', '.gitmodules', `submodule.${name}.path`, path)
  }
  const told: string[] = []
  const dataset = await Dataset.open(top)
  expect(await dataset.subdatasets((line) => told.push(line))).toEqual([])
  const named = ['link', 'link/inner', '../outside', 'link/']
  expect(told).toEqual(named.map((path) => `${top}: skipped the subdataset ${path}: it leads out of the dataset`))
})
