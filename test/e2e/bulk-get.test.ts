import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mountSmallDisk } from '../support/faults/small-disk.ts'
import { projectDirectory } from '../support/programs/programs.ts'
import { explain, run } from '../support/programs/run.ts'
import { AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import {
  type BulkScene,
  expectAllHere,
  filesHere,
  makeBulkScene,
  manyFiles,
  objectTree,
  whereAll,
  whereis,
} from '../support/worlds/bulk-scene.ts'
import { leaveDeadRun } from '../support/worlds/dead-run.ts'

let scene: BulkScene
// So many that they begin to come while git-annex still finds others.
const files = manyFiles(70)
const unlocked = ['d1/f1.bin', 'd2/f2.bin', 'large.bin']
const names = Object.keys(files).sort()

beforeAll(async () => {
  scene = await makeBulkScene({ files, unlocked })
})
afterAll(() => scene?.remove())

const get = (repo: AnnexRepo, ...args: string[]) => scene.riastore(repo, 'get', ...args)

const expectHere = (repo: AnnexRepo) => expectAllHere(repo, files)

test('all files come, and git-annex sees what it would see had it got them itself', async () => {
  const [repo, other] = [await scene.clone('ours'), await scene.clone('git-annex')]
  const result = await get(repo)
  expect(result.status, explain(result)).toBe(0)
  expect(result.stdout).toMatch(/^got 72 keys, [\d.]+ MiB\n$/)
  await other.annex('get')
  expect(await objectTree(repo)).toEqual(await objectTree(other))
  const [here, there] = [await repo.uuid(), await other.uuid()]
  const [ours, theirs] = [await whereAll(repo), await whereAll(other)]
  expect([...ours.keys()].sort()).toEqual(names)
  for (const name of names) {
    const others = (theirs.get(name) ?? []).filter((uuid) => uuid !== there)
    expect(ours.get(name), name).toEqual([...others, here].sort())
  }
  await expectHere(repo)
  expect((await repo.git('for-each-ref', 'refs/riastore')).stdout).toBe('')
  expect(await readdir(join(repo.path, '.git/annex'))).not.toContain('riastore')
  expect(await readdir(join(repo.path, '.git/refs'))).not.toContain('riastore')
})

test('what is here is not got again', async () => {
  const repo = await scene.clone('twice')
  await get(repo)
  const before = (await repo.git('rev-parse', 'git-annex')).stdout
  const again = await get(repo)
  expect([again.status, again.stdout], explain(again)).toEqual([0, 'got 0 keys, 0 B\n'])
  expect((await repo.git('rev-parse', 'git-annex')).stdout).toBe(before)
})

test('what was filled by somebody who could not tell the index is made known to it, and while that cannot be it is said', async () => {
  const repo = await scene.clone('not-restaged')
  // As after a kill: git-annex has noted the files, and their entries in the index are old.
  const lock = join(repo.path, '.git/index.lock')
  await writeFile(lock, '')
  await repo.tryAnnex('get', 'large.bin')
  await utimes(lock, 0, 0) // so that nobody waits for it long
  const still = await get(repo)
  expect([still.status, still.stderr]).toEqual([
    0,
    expect.stringMatching(/^.*not-restaged: .*remove .*index\.lock .*\n$/),
  ])
  await rm(lock)
  expect((await repo.git('status', '--short')).stdout).toContain(' M large.bin')
  expect(await get(repo)).toMatchObject({ status: 0, stderr: '' })
  expect((await repo.git('status', '--short')).stdout).toBe('')
})

/**
 * Whoever has git look at filled files is killed, with all that it started, until this is undone.
 */
async function killAtRestage(repo: AnnexRepo): Promise<() => Promise<void>> {
  const settings = ['filter.annex.process', 'filter.annex.clean']
  const before = await Promise.all(settings.map(async (name) => (await repo.git('config', name)).stdout.trim()))
  const set = async (values: readonly string[]) => {
    for (const [i, name] of settings.entries()) await repo.git('config', name, values[i] ?? '')
  }
  await set(['kill -9 0', 'kill -9 0'])
  return () => set(before)
}

test("killed while git's index is told what was filled, by us or by git-annex, the same command tells it", async () => {
  const repo = await scene.clone('killed-at-restage')
  const lock = join(repo.path, '.git/index.lock')
  const undo = await killAtRestage(repo)
  expect((await get(repo, 'd1', 'd2')).signal).toBe('SIGKILL')
  expect((await repo.tryAnnex('find', '--in=here', 'd1/f1.bin')).stdout).toBe('d1/f1.bin\n')
  expect((await stat(lock)).nlink).toBe(2)
  await undo()
  // The lock is ours, so it is known that nobody has it.
  expect(await get(repo, 'd1', 'd2')).toMatchObject({ status: 0, stderr: '' })
  expect((await repo.git('status', '--short')).stdout).toBe('')
  await killAtRestage(repo)
  expect((await repo.tryAnnex('get', 'large.bin')).signal).toBe('SIGKILL')
  expect(await readdir(join(repo.path, '.git/annex'))).toContain('restage.old')
  await undo()
  await utimes(lock, 0, 0)
  // This one is like that of any git.
  expect(await get(repo)).toMatchObject({ status: 0, stderr: expect.stringMatching(/remove .*index\.lock/) })
  expect((await stat(lock)).nlink).toBe(1)
  await rm(lock)
  expect(await get(repo)).toMatchObject({ status: 0, stderr: '' })
  await expectHere(repo)
})

test('datalad run-procedure cfg_riastore_get gets the files, and DataLad finds that nothing is left to get', async () => {
  const repo = await scene.clone('datalad')
  const procedures = `datalad.locations.user-procedures=${join(projectDirectory, 'procedures')}`
  await repo.datalad('-c', procedures, 'run-procedure', 'cfg_riastore_get', 'd1', 'd2/f2.bin')
  expect(await filesHere(repo)).toEqual(names.filter((name) => name.startsWith('d1/') || name === 'd2/f2.bin'))
  const { stdout } = await repo.datalad('-f', 'json', 'get', 'd1/f1.bin', 'd2/f2.bin')
  const said = stdout.split('\n').filter((text) => text.startsWith('{'))
  expect(said.map((line) => (JSON.parse(line) as { status: string }).status)).toEqual(['notneeded', 'notneeded'])
})

test('another clone that merges the records agrees, and git annex drop trusts the copy', async () => {
  const [repo, other] = [await scene.clone('merged'), await scene.clone('merging')]
  await get(repo)
  await other.git('remote', 'add', 'merged', repo.path)
  await other.annex('sync', '--no-push', 'merged')
  expect(await whereis(other, 'd0/f0.bin')).toContain(await repo.uuid())
  await repo.annex('drop', '--numcopies=1', 'd0/f0.bin')
  expect(await repo.has('d0/f0.bin')).toBe(false)
  const again = await get(repo, 'd0')
  expect(again.stdout).toContain('got 1 key,')
  expect(await whereis(repo, 'd0/f0.bin')).toContain(await repo.uuid())
})

test("paths and git-annex's matching options choose what comes", async () => {
  const repo = await scene.clone('chosen')
  await get(repo, 'd1', '--include=*f1.bin', '--or', '--include=*f8.bin')
  expect(await filesHere(repo)).toEqual(['d1/f1.bin', 'd1/f8.bin'])
  const wrong = await get(repo, 'no such file')
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('no such file')])
})

test('keys come by their names, and all that the repository knows', async () => {
  const repo = await scene.clone('keys')
  const key = await repo.key('d3/f3.bin')
  expect((await get(repo, '--key', key)).status).toBe(0)
  expect(await filesHere(repo)).toEqual(['d3/f3.bin'])
  expect((await get(repo, '--all')).status).toBe(0)
  await expectHere(repo)
})

test('--dry-run says what would come, and changes nothing', async () => {
  const repo = await scene.clone('dry')
  const before = await repo.git('for-each-ref')
  const result = await get(repo, '-n')
  expect([result.status, result.stdout], explain(result)).toEqual([0, expect.stringMatching(/^would get 72 keys/)])
  expect(await filesHere(repo)).toEqual([])
  expect((await repo.git('for-each-ref')).stdout).toBe(before.stdout)
  // What a killed run placed is not recorded by it, and has to be known to the next one still.
  leaveDeadRun(join(repo.path, '.git/annex'), { placed: 'MD5-s1--x\n' })
  expect((await get(repo, '-n')).status).toBe(0)
  const kept = await readdir(join(repo.path, '.git/annex/riastore'), { recursive: true })
  expect(kept.filter((path) => path.endsWith('/placed')).length).toBe(1)
})

test('--json tells of each key, and ends with a summary', async () => {
  const repo = await scene.clone('json')
  const { stdout } = await get(repo, '--json', '--jobs=3', 'd4')
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines[0]).toMatchObject({ schema: 1 })
  const keys = lines.filter(({ type }) => type === 'key')
  expect(keys).toContainEqual({ type: 'key', key: await repo.key('d4/f4.bin'), bytes: 149, remote: 'store' })
  expect(lines.at(-1)).toMatchObject({ type: 'summary', keys: keys.length, failed: 0 })
})

test('a key whose copy in the store is damaged does not come, and the others do', async () => {
  const repo = await scene.clone('damaged')
  const place = await scene.dataset.keyFile(repo, await repo.key('d5/f5.bin'))
  const good = files['d5/f5.bin'] as Buffer
  const replace = async (content: Buffer) => {
    await chmod(place, 0o644)
    await writeFile(place, content)
  }
  await replace(Buffer.concat([good.subarray(1), Buffer.from('x')]))
  const result = await get(repo)
  await replace(good)
  expect([result.status, result.stderr], explain(result)).toEqual([1, expect.stringContaining(place)])
  expect(await filesHere(repo)).toEqual(names.filter((name) => name !== 'd5/f5.bin'))
  expect(await whereis(repo, 'd5/f5.bin')).not.toContain(await repo.uuid())
  expect((await get(repo)).status).toBe(0)
  await expectHere(repo)
})

test('a key that lies in the store, but not by its log, does not come from there', async () => {
  const repo = await scene.clone('other-log')
  const key = await repo.key('d5/f5.bin')
  const { stdout: uuid } = await repo.git('config', 'remote.store.annex-uuid')
  await repo.annex('setpresentkey', key, uuid.trim(), '0')
  const result = await get(repo, '--from=store')
  expect(result.status, explain(result)).toBe(0)
  expect(await filesHere(repo)).toEqual(names.filter((name) => name !== 'd5/f5.bin'))
  expect(await whereis(repo, 'd5/f5.bin')).not.toContain(await repo.uuid())
})

test.each(['group', 'all'])(
  'objects of a repository that is shared with %s have the permissions of git-annex',
  async (shared) => {
    const config = { 'core.sharedRepository': shared }
    const [repo, other] = [await scene.clone(`shared-${shared}`, config), await scene.clone(`annex-${shared}`, config)]
    await get(repo)
    await other.annex('get')
    expect(await objectTree(repo)).toEqual(await objectTree(other))
  },
)

test('files of an adjusted branch come with their content', async () => {
  const repo = await scene.clone('adjusted')
  await repo.annex('adjust', '--unlock')
  expect((await get(repo)).status).toBe(0)
  await expectHere(repo)
})

test('a bare repository gets all keys, where git-annex has them there', async () => {
  const [repo, other] = [await scene.bareClone('bare'), await scene.bareClone('bare-annex')]
  const result = await get(repo)
  expect(result.status, explain(result)).toBe(0)
  await other.annex('get', '--all')
  expect(await objectTree(repo)).toEqual(await objectTree(other))
  expect((await repo.annex('fsck', '--all')).stdout).not.toContain('fixing')
})

test('a key without a checksum is left to git-annex', async () => {
  const repo = await scene.clone('worm')
  await repo.write('content', 'worm\n')
  const key = 'WORM-s5-m1--worm'
  await repo.annex('setkey', key, 'content')
  await repo.annex('fromkey', key, 'worm')
  await repo.git('commit', '-q', '-m', 'Add a file without a checksum', 'worm')
  await repo.annex('copy', '--to', 'store', 'worm')
  await repo.annex('drop', '--force', 'worm')
  const refused = await get(repo, 'worm')
  expect([refused.status, refused.stderr], explain(refused)).toEqual([1, expect.stringContaining('left to git-annex')])
  await repo.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
  const allowed = await get(repo, 'worm')
  expect([allowed.status, await repo.has('worm')], explain(allowed)).toEqual([0, true])
})

test('a file that nobody of ours has comes by git-annex from where it is', async () => {
  const repo = await scene.clone('elsewhere')
  await scene.source.add({ 'only-there.txt': 'not in the store\n' })
  await repo.git('pull', '-q', '--no-rebase', 'origin', 'HEAD')
  await repo.git('fetch', '-q', 'origin')
  await repo.git('config', '--unset', 'remote.origin.annex-ignore')
  const result = await get(repo)
  await scene.source.git('reset', '-q', '--hard', 'HEAD^')
  expect(result.status, explain(result)).toBe(0)
  expect((await repo.read('only-there.txt')).toString()).toBe('not in the store\n')
})

test('a remote that git-annex does not know is an error, in its words', async () => {
  const repo = await scene.clone('no-such-remote')
  const result = await get(repo, '--from', 'nosuch', 'd6')
  const words = expect.stringContaining('there is no available git remote named "nosuch"')
  expect([result.status, result.stderr], explain(result)).toEqual([1, words])
  const dry = await get(repo, '-n', '--from', 'nosuch', 'd6')
  expect([dry.status, dry.stderr], explain(dry)).toEqual([1, expect.stringContaining('there is no remote "nosuch"')])
  const noKey = await get(repo, '--key', 'XX')
  expect([noKey.status, noKey.stderr], explain(noKey)).toEqual([2, expect.stringContaining('"XX" is no key')])
})

test('a repository that only git-annex understands is left to it as a whole', async () => {
  const repo = await scene.clone('private', { 'annex.private': 'true' })
  const result = await get(repo, 'd6')
  expect([result.status, result.stderr], explain(result)).toEqual([
    0,
    expect.stringContaining('left to git-annex: it is private'),
  ])
  expect(await repo.has('d6/f6.bin')).toBe(true)
})

test('where the objects are on another file system, git-annex brings them there', async () => {
  const repo = await scene.clone('apart')
  const disk = await mountSmallDisk(scene.workspace, 'objects', '16m')
  const objects = join(repo.path, '.git/annex/objects')
  await rm(objects, { recursive: true, force: true })
  await symlink(disk.path, objects)
  const result = await get(repo, 'd6')
  expect([result.status, result.stderr], explain(result)).toEqual([
    0,
    expect.stringContaining('left to git-annex: its objects are on another file system'),
  ])
  expect(await repo.has('d6/f6.bin')).toBe(true)
})

test('two at once both end well, and nothing comes twice into the records', async () => {
  const repo = await scene.clone('both')
  const results = await Promise.all([get(repo), get(repo)])
  for (const result of results) expect(result.status, explain(result)).toBe(0)
  await expectHere(repo)
})

test('git annex get beside it ends well, too', async () => {
  const repo = await scene.clone('beside')
  const [ours, theirs] = await Promise.all([get(repo), repo.tryAnnex('get', '.')])
  expect([ours.status, theirs.status], explain(ours) + explain(theirs)).toEqual([0, 0])
  await expectHere(repo)
})

test('a store that is not there ends it with 4, a wrong command line with 2', async () => {
  const repo = await scene.clone('gone')
  await repo.setConfig('remote.store.ora-url', `ria+file://${scene.workspace.path('nowhere')}`)
  const gone = await get(repo, '--from=store')
  expect([gone.status, gone.stderr], explain(gone)).toEqual([4, expect.stringContaining('nowhere')])
  expect((await get(repo, '--jobs=none')).status).toBe(2)
  expect((await get(repo, '--no-such-option')).status).toBe(2)
  const outside = await scene.program.run(['get'], { cwd: scene.workspace.directory })
  expect([outside.status, outside.stderr]).toEqual([2, expect.stringContaining('git repository')])
})

test('with annex.diskreserve beyond what is free nothing comes, and it is told', async () => {
  const repo = await scene.clone('reserve', { 'annex.diskreserve': '1000000 tb' })
  const result = await get(repo)
  expect([result.status, result.stderr], explain(result)).toEqual([1, expect.stringContaining('annex.diskreserve')])
  expect(await filesHere(repo)).toEqual([])
})

test('each object and directory is shown to annex.freezecontent-command', async () => {
  const repo = await scene.clone('frozen', {
    'annex.freezecontent-command': 'echo %path >> frozen',
    'annex.thawcontent-command': 'true',
  })
  expect((await get(repo, 'd0/f0.bin')).status).toBe(0)
  const frozen = (await repo.read('frozen')).toString().trim().split('\n')
  const key = await repo.key('d0/f0.bin')
  expect(frozen.map((path) => path.split('/').slice(-2))).toEqual([
    [key, key],
    [expect.stringMatching(/^..$/), key],
  ])
})

test('a large key goes on where git-annex, or an earlier run, left off, and is checked as a whole', async () => {
  const repo = await scene.clone('resumed')
  const content = files['large.bin'] as Buffer
  const tmp = join(repo.path, '.git/annex/tmp')
  const partial = join(tmp, await repo.key('large.bin'))
  await mkdir(tmp, { recursive: true })
  await writeFile(partial, content.subarray(0, 2_000_000))
  const resumed = await get(repo, '--json', 'large.bin')
  expect(resumed.status, explain(resumed)).toBe(0)
  expect((await repo.read('large.bin')).equals(content)).toBe(true)
  expect(await readdir(tmp)).toEqual([])
  await repo.annex('drop', '--force', 'large.bin')
  await writeFile(partial, Buffer.alloc(2_000_000, 'wrong'))
  expect((await get(repo, 'large.bin')).status).toBe(0)
  expect((await repo.read('large.bin')).equals(content)).toBe(true)
})

test('a part of a large key is left alone in a container, where no lock of whoever is at work on it is seen', async () => {
  const repo = await scene.clone('contained')
  const tmp = join(repo.path, '.git/annex/tmp')
  await mkdir(tmp, { recursive: true })
  await writeFile(join(tmp, await repo.key('large.bin')), 'begun')
  const contained = ['--pid', '--fork', '--mount-proc', scene.program.path, 'get', 'large.bin']
  const result = await run('unshare', contained, { cwd: repo.path, env: scene.env })
  expect(result.status, explain(result)).toBe(0)
  expect((await repo.read('large.bin')).equals(files['large.bin'] as Buffer)).toBe(true)
  expect(await readFile(join(tmp, await repo.key('large.bin')), 'utf8')).toBe('begun')
})

test('a get that is interrupted ends soon, and the next one goes on with what had come', async () => {
  const repo = await scene.clone('cut')
  const good = files['large.bin'] as Buffer
  // It takes half a minute: nobody who looks for its beginning comes too late.
  const run = scene.program.start(['get', '--bwlimit=100k', 'large.bin'], { cwd: repo.path, env: scene.env })
  const staged = async () => {
    for (const name of await readdir(join(repo.path, '.git/annex/riastore')).catch(() => [])) {
      const keys = join(repo.path, '.git/annex/riastore', name, 'keys')
      for (const key of await readdir(keys).catch(() => [])) return (await stat(join(keys, key))).size
    }
    return 0
  }
  await expect.poll(staged).toBeGreaterThan(50_000)
  process.kill(run.pid, 'SIGINT')
  expect((await run.done).status).toBe(130)
  const again = await get(repo, 'large.bin')
  expect(again.status, explain(again)).toBe(0)
  expect((await repo.read('large.bin')).equals(good)).toBe(true)
})

test('with -r subdatasets that are installed get theirs, and a file of one can be named from above', async () => {
  const above = await makeAnnexRepo(scene.workspace, 'above')
  for (const name of ['one', 'two']) {
    await above.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', scene.source.path, name)
  }
  await above.git('commit', '-q', '-m', 'Add subdatasets')
  const [one, two] = ['one', 'two'].map((name) => new AnnexRepo(scene.workspace, join(above.path, name)))
  if (one === undefined || two === undefined) throw new Error('there are two')
  for (const repo of [one, two]) {
    await repo.setConfig('remote.origin.annex-ignore', 'true')
    await repo.annex('init', '-q')
    await repo.enableRemote('store')
  }
  const named = await get(above, 'two/d1/f1.bin')
  expect([named.status, named.stdout], explain(named)).toEqual([0, expect.stringMatching(/^got 1 key,/)])
  expect(await filesHere(two)).toEqual(['d1/f1.bin'])
  const flat = await get(above)
  expect([flat.status, flat.stdout], explain(flat)).toEqual([0, expect.stringMatching(/^got 0 keys/)])
  const all = await get(above, '-r')
  expect([all.status, all.stdout], explain(all)).toEqual([0, expect.stringMatching(/^got 143 keys/)])
  for (const repo of [one, two]) expect(await filesHere(repo)).toEqual(names)
})
