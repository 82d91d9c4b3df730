import { chmod, mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Running, run, runOk, start } from '../support/programs/run.ts'
import { asUser } from '../support/programs/users.ts'
import { assortedFiles, dataladClone, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { openRiaStore } from '../support/repos/ria-store.ts'
import { startStallProxy } from '../support/servers/stall-proxy.ts'
import { riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/** The one that will be damaged. */
const LARGE = 'large.bin'
const content = Buffer.alloc(3 * 1024 * 1024, 'riastore ')
const files: Readonly<Record<string, string | Uint8Array>> = { ...assortedFiles(), [LARGE]: content }

let workspace: Workspace
const mounts: Running[] = []
let root: string
let id: string
let directory: string
/** The copy of the large file in the store. */
let largeCopy: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  root = workspace.path('store')
  directory = workspace.path('folder')
  await mkdir(directory)
  const repo = await makeDataset(workspace, 'dataset')
  id = await datasetId(repo)
  await repo.add(files)
  await repo.datalad('create-sibling-ria', '-s', 'store', '--new-store-ok', '--alias', 'named', `ria+file://${root}`)
  await repo.datalad('push', '--to', 'store')
  largeCopy = await openRiaStore(root)
    .dataset(id)
    .keyFile(repo, await repo.key(LARGE))
})
afterEach(async () => {
  for (const mounted of mounts.splice(0)) {
    mounted.killGroup('SIGTERM')
    await mounted.done
  }
})
afterAll(async () => {
  await run('fusermount3', ['-u', '-z', directory]) // what a test that failed left
  await workspace?.remove()
})

function riastore(...words: string[]): readonly [string, string[]] {
  return [process.execPath, [riastoreProgram(workspace), ...words]]
}

/** Resolves when the folder can be used. */
async function mount(...words: string[]): Promise<Running> {
  const [program, parameters] = riastore('mount', ...words, directory)
  const mounted = start(program, parameters, { env: workspace.env })
  mounts.push(mounted)
  await mounted.says(/ at .*folder\n/)
  return mounted
}

/** By another program, as users read. */
const cat = (path: string) => run('cat', [join(directory, path)], { env: workspace.env })

async function expectUnmounted(): Promise<void> {
  expect(await readdir(directory)).toEqual([])
}

test('programs copy a dataset with cp, and Ctrl-C unmounts it', async () => {
  const mounted = await mount(root, '~named@HEAD')
  const copied = workspace.path('copied')
  await runOk('cp', ['-r', directory, copied])
  for (const [file, each] of Object.entries(files)) {
    expect((await readFile(join(copied, file))).equals(Buffer.from(each)), file).toBe(true)
  }
  const refused = await run('touch', [join(directory, 'new')])
  expect(refused.stderr).toMatch(/Read-only file system/)
  mounted.killGroup('SIGINT')
  expect((await mounted.done).status).toBe(130)
  await expectUnmounted()
})

test('what was read whole is read again without the store, by another mount', async () => {
  await rename(largeCopy, `${largeCopy}.away`)
  const [program, parameters] = riastore('mount', '--daemon', root, id, directory)
  await runOk(program, parameters, { env: workspace.env })
  await runOk('cmp', [join(directory, LARGE), workspace.path('copied', LARGE)])
  await runOk('fusermount3', ['-u', directory])
  await expectUnmounted()
  await rename(`${largeCopy}.away`, largeCopy)
})

/**
 * Everybody may open /dev/fuse, as on every distribution: whoever runs the tests may have another
 * one. Nobody outside of the script sees that.
 */
const BY_A_USER = `
mkdir devices
mount -t tmpfs -o mode=755,dev riastore-test devices
mknod -m 666 devices/fuse c 10 229
mount --bind devices/fuse /dev/fuse
user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
user "$@"
user cmp "$FOLDER/large.bin" "$LARGE"
if cat "$FOLDER/readme.txt"; then echo 'root reads it'; fi
user fusermount3 -u "$FOLDER"
ls -A "$FOLDER"
`

test('a user who is not root mounts a folder, into which nobody else can look, and unmounts it', async () => {
  const { env } = await asUser(workspace, { uid: 65534, gid: 65534 }) // nobody
  const folder = workspace.path('of-a-user')
  await mkdir(folder)
  await runOk('chown', ['65534:65534', folder])
  const [program, words] = riastore('mount', '--daemon', root, id, folder)
  const { stdout, stderr } = await runOk(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-euc', BY_A_USER, 'sh', program, ...words],
    { cwd: workspace.directory, env: { ...env, FOLDER: folder, LARGE: workspace.path('copied', LARGE) } },
  )
  expect([stdout, stderr]).toEqual([
    expect.stringMatching(/^.* at .*of-a-user\n$/),
    expect.stringMatching(/Permission denied/),
  ])
})

test('a clone is given what was read whole, as content that git-annex knows and finds good', async () => {
  const clone = await dataladClone(workspace, `ria+file://${root}#${id}`, 'clone')
  await clone.annex('unlock', 'readme.txt')
  const mounted = await mount('--into', clone.path, '--cache', workspace.path('cache-of-clone'), root, id)
  for (const file of [LARGE, 'readme.txt']) await runOk('cat', [join(directory, file)])
  mounted.killGroup('SIGINT')
  expect((await mounted.done).status).toBe(130)
  expect(mounted.stderr()).toMatch(/2 keys given to /)
  const { stdout } = await clone.annex('find', '--in=here')
  expect(stdout.trim().split('\n').sort()).toEqual([LARGE, 'readme.txt'].sort())
  await clone.annex('fsck', LARGE, 'readme.txt')
  expect((await clone.read('readme.txt')).equals(Buffer.from(files['readme.txt'] ?? ''))).toBe(true)
})

test('a store that falls silent is an error after the stall time, and is read again when it answers', async () => {
  const [program, parameters] = riastore('serve', '--listen', '127.0.0.1:0', root)
  const serving = start(program, parameters, { env: workspace.env })
  await serving.says(/serving .* at http:/)
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(serving.stdout())?.[1])
  const proxy = await startStallProxy(port)
  try {
    const url = `ria+http://127.0.0.1:${proxy.port}/`
    await mount('--stall-timeout', '3', '--cache', workspace.path('cache-of-silent'), url, '~named')
    expect((await cat('readme.txt')).status).toBe(0)
    proxy.stall()
    const { status, stderr } = await cat(LARGE)
    expect([status, stderr]).toEqual([1, expect.stringMatching(/Input\/output error/)])
    proxy.resume()
    await runOk('cmp', [join(directory, LARGE), workspace.path('dataset', LARGE)])
  } finally {
    await proxy.stop()
    serving.killGroup('SIGTERM')
    await serving.done
  }
})

test('a damaged file ends in an error, which says what it is', async () => {
  await chmod(largeCopy, 0o644)
  const file = await open(largeCopy, 'r+')
  await file.write('X', content.length / 2)
  await file.close()
  const mounted = await mount('--cache', workspace.path('cache'), root, id)
  const { status, stderr } = await cat(LARGE)
  expect([status, stderr]).toEqual([1, expect.stringMatching(/Input\/output error/)])
  await mounted.says(/large\.bin: .*damaged/)
  expect((await cat('readme.txt')).status).toBe(0)
})

test('a folder that is not empty, and a ref that is not there, are refused before anything is mounted', async () => {
  for (const [words, message] of [
    [[root, '~named@nothing', directory], /neither a ref nor/],
    [[root, '~named', root], /not empty/],
  ] as const) {
    const [program, parameters] = riastore('mount', ...words)
    const { status, stderr } = await run(program, parameters, { env: workspace.env })
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)])
  }
})
