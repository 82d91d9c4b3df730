import { randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { StoreError } from '../../../../src/core/errors.ts'
import { ObjectReader } from '../../../../src/git/objects/object-reader.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { type GitCommands, gitCommands } from '../../../support/worlds/git-commands.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let git: GitCommands
let repo: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  git = gitCommands(workspace, workspace.env)
  repo = await git.newRepo('repo')
  const lines = Array.from({ length: 4000 }, (_, i) => `line ${i} ${'x'.repeat(i % 40)}`)
  for (let i = 0; i < 12; i++) {
    lines[i * 300] = `changed ${i}`
    await writeFile(join(repo, `other ${i}`), randomBytes(20_000 * (i % 4)))
    await git.gitOk(repo, 'add', '.')
    await git.commit(repo, 'text', lines.join('\n'))
  }
  await git.gitOk(repo, 'tag', '-a', '-m', 'a tag', 'one')
  await git.gitOk(repo, 'repack', '-adfq', '--depth=40')
  await git.commit(repo, 'later', 'not packed')
})
afterAll(() => workspace?.remove())

const reader = (directory = '.git') => new ObjectReader(new StoredDataset(openLocalStore({ root: repo }), directory))

async function all(): Promise<readonly (readonly [id: string, type: string, size: number])[]> {
  const text = await git.gitOk(repo, 'cat-file', '--batch-all-objects', '--batch-check')
  const lines = text.trim().split('\n')
  return lines.map((line) => line.split(' ')).map(([id = '', type = '', size]) => [id, type, Number(size)])
}

test('every object of a repository is read, loose, packed, and packed as a delta', async () => {
  const objects = await all()
  expect(objects.length).toBeGreaterThan(40)
  expect(await git.gitOk(repo, 'count-objects', '-v')).toMatch(/^count: 3$/m)
  const opened = reader()
  for (const [id, type, size] of objects) {
    const { content, ...found } = await opened.read(id) // held against its id
    expect({ ...found, size: content.length }).toEqual({ type, size })
    expect(await opened.sizeOf(id)).toBe(size)
  }
})

test('an object that the repository does not have is missing', async () => {
  await expect(reader().read('0'.repeat(40))).rejects.toMatchObject({ kind: 'missing' })
})

test('an object is found that git packed while we read', async () => {
  const opened = reader()
  const id = (await git.gitOk(repo, 'rev-parse', 'HEAD')).trim()
  const packed = (await git.gitOk(repo, 'rev-parse', 'HEAD~5')).trim()
  await opened.read(packed)
  await git.gitOk(repo, 'repack', '-adfq')
  expect((await opened.read(id)).type).toBe('commit')
})

test('a small part of a large pack is read for one commit', async () => {
  const store = withFaults(openLocalStore({ root: repo }), [])
  const id = (await git.gitOk(repo, 'rev-parse', 'HEAD')).trim()
  await new ObjectReader(new StoredDataset(store, '.git')).read(id)
  // The index's head and the way to the id, the object's block: each once, as all are in the cache.
  expect(store.calls.filter(({ op }) => op === 'get').length).toBeLessThanOrEqual(3)
})

test('a damaged pack is told as damaged, and no wrong bytes come out of it', async () => {
  await git.clone(repo, 'damaged.git', '--bare')
  const root = workspace.path('damaged.git')
  const packs = join(root, 'objects/pack')
  const name = (await readdir(packs)).find((file) => file.endsWith('.pack')) ?? ''
  const bytes = await readFile(join(packs, name))
  for (let at = 200; at < bytes.length - 40; at += 400) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x55, at)
  await chmod(join(packs, name), 0o644)
  await writeFile(join(packs, name), bytes)
  const opened = new ObjectReader(new StoredDataset(openLocalStore({ root: workspace.directory }), 'damaged.git'))
  const outcomes = new Set<string>()
  for (const [id] of await all()) {
    const outcome = await opened.read(id).then(
      () => 'read',
      (error: unknown) => (error instanceof StoreError ? error.kind : String(error)),
    )
    outcomes.add(outcome)
  }
  expect([...outcomes].filter((outcome) => outcome !== 'read')).toEqual(['corrupt'])
})
