import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { processes, signal } from '../support/programs/processes.ts'
import { explain, type Running, run, runOk } from '../support/programs/run.ts'
import { AnnexRepo } from '../support/repos/annex-repo.ts'
import { type CommitScene, committed, makeCommitScene } from '../support/worlds/commit-scene.ts'

const large = randomBytes(3 * 1024 * 1024 + 17)

let scene: CommitScene
let root: string
let folder: string
let work: AnnexRepo
const mounts: Running[] = []

beforeAll(async () => {
  scene = await makeCommitScene('file', {
    'old.txt': Buffer.from('old\n'),
    'large.bin': large,
    'sub/gone.bin': Buffer.from('gone'),
    'sub/deep/moved.bin': Buffer.from('moved'),
  })
  root = scene.url.slice('ria+file://'.length)
  folder = scene.workspace.path('folder')
  work = new AnnexRepo(scene.workspace, scene.workspace.path('work'), { env: scene.env })
  await mkdir(folder)
})
afterEach(async () => {
  for (const mounted of mounts.splice(0)) {
    mounted.killGroup('SIGINT')
    await mounted.done
  }
})
afterAll(async () => {
  await run('fusermount3', ['-u', '-z', folder]) // what a test that failed left
  await scene?.remove()
})

async function mount(...options: string[]): Promise<Running> {
  const words = ['mount', '--stage', work.path, ...options, root, scene.datasetId, folder]
  const mounted = scene.program.start(words, { env: scene.env })
  mounts.push(mounted)
  await mounted.says(/ at .*folder\n/)
  return mounted
}

/** By other programs, as jobs do. */
const shell = (script: string) => runOk('sh', ['-euc', script], { cwd: folder, env: scene.env })

test('a job changes a folder as any other, and what it made is committed into the store as one', async () => {
  await mount()
  expect((await readdir(folder)).sort()).toEqual(['large.bin', 'old.txt', 'sub'])
  expect((await readFile(join(folder, 'large.bin'))).equals(large)).toBe(true)
  await shell(`
    echo more >> old.txt
    cat old.txt
    printf X | dd of=large.bin bs=1 seek=5 conv=notrunc status=none
    rm sub/gone.bin
    mkdir -p results/one
    mv sub/deep/moved.bin results/one/
    rmdir sub/deep
    cp -p results/one/moved.bin results/one/copy.bin
    dd if=/dev/urandom of=results/new.bin bs=100k count=20 status=none
    truncate -s 1000000 results/new.bin
    printf '#!/bin/sh\\necho it runs\\n' > run.sh
    chmod +x run.sh
    ./run.sh
    ln -s results/new.bin link
    echo first > twice; echo second > twice.new; mv twice.new twice
    sed -i s/second/third/ twice
    test ! -e .git
    cp results/new.bin ../new.bin
  `)
  const changed = Buffer.from(large)
  changed.write('X', 5)
  expect((await readFile(join(folder, 'large.bin'))).equals(changed)).toBe(true)
  const { stdout } = await committed(scene, work, '-m', 'A job')
  expect(stdout).toMatch(/^committed \d+ files; put \d+ keys/)
  // The folder goes on, with what is in git-annex now.
  await shell(`
    cmp results/new.bin ../new.bin
    test "$(cat old.txt)" = "$(printf 'old\\nmore')"
    test "$(cat twice)" = third
    ./run.sh
    echo again >> results/one/copy.bin
  `)
  await committed(scene, work)
  const seen = await scene.worker('seen')
  await seen.annex('get', '.')
  await seen.annex('fsck', '--quiet')
  expect((await seen.git('ls-files')).stdout.trim().split('\n')).toEqual([
    'large.bin',
    'link',
    'old.txt',
    'results/new.bin',
    'results/one/copy.bin',
    'results/one/moved.bin',
    'run.sh',
    'twice',
  ])
  expect((await seen.read('large.bin')).equals(changed)).toBe(true)
  expect((await seen.read('link')).length).toBe(1_000_000)
  expect((await seen.read('results/one/copy.bin')).toString()).toBe('movedagain\n')
})

test('the folder is a file system, also to those who map files, append at once, or read what is replaced', async () => {
  await mount()
  await work.annex('drop', '--force', 'large.bin')
  await runOk('/usr/bin/python3', ['-c', PROGRAM], { cwd: folder, env: scene.env })
  await shell('rm -r c log mapped new.bin')
  await work.git('checkout', '-q', '.')
})

test('what was written lies in the clone, whatever happens to the folder, and the folder is mounted on it again', async () => {
  const mounted = await mount()
  await shell('echo kept > kept.txt')
  // With what would unmount it, or what is left is cleared before we look.
  const keeper = (await processes()).find(({ command }) => /^\S*fusermount3 /.test(command) && command.includes(folder))
  if (keeper !== undefined) signal(keeper.pid, 'SIGKILL')
  mounted.killGroup('SIGKILL')
  await mounted.done
  mounts.splice(0)
  await expect(readdir(folder)).rejects.toThrow('ENOTCONN')
  expect((await work.read('kept.txt')).toString()).toBe('kept\n')
  const again = await mount()
  expect(again.stderr()).toMatch(/cleared .*folder: the riastore that answered for it was killed/)
  expect(await readFile(join(folder, 'kept.txt'), 'utf8')).toBe('kept\n')
})

test('a clone of another dataset, or of another branch, is not mounted', async () => {
  const other = await makeOther()
  const refused = async (directory: string, dataset: string) => {
    const result = await scene.program.run(['mount', '--stage', directory, root, dataset, folder], { env: scene.env })
    return [result.status, result.stderr]
  }
  expect(await refused(other.path, scene.datasetId)).toEqual([2, expect.stringMatching(/is no clone of dataset/)])
  expect(await refused(work.path, `${scene.datasetId}@git-annex`)).toEqual([
    2,
    expect.stringMatching(/is on branch main, not git-annex/),
  ])
  const into = await scene.program.run(['mount', '--into', other.path, root, scene.datasetId, folder], {
    env: scene.env,
  })
  expect([into.status, into.stderr], explain(into)).toEqual([2, expect.stringMatching(/is no clone of dataset/)])
})

async function makeOther(): Promise<AnnexRepo> {
  const other = new AnnexRepo(scene.workspace, scene.workspace.path('other'), { env: scene.env })
  await mkdir(other.path)
  await other.git('init', '-q')
  await other.annex('init', '-q')
  await other.git('commit', '-q', '--allow-empty', '-m', 'Another')
  return other
}

/** Looks after more than a second, for which the kernel believes what it was told. */
const PROGRAM = `
import errno, mmap, os, subprocess, sys, time

with open('mapped', 'wb') as file: file.write(b'.' * 10000)
file = os.open('mapped', os.O_RDWR)
pages = mmap.mmap(file, 10000)
pages[5000:5003] = b'xyz'
pages.flush()
pages.close()
os.close(file)
assert open('mapped', 'rb').read() == b'.' * 5000 + b'xyz' + b'.' * 4997

line = 'import sys; log = open("log", "ab", 0); [log.write(b"%s %03d\\\\n" % (sys.argv[1].encode(), i)) for i in range(200)]'
writers = [subprocess.Popen([sys.executable, '-c', line, name]) for name in 'ab']
assert [writer.wait() for writer in writers] == [0, 0]
lines = open('log').read().splitlines()
assert sorted(lines) == sorted('%s %03d' % (name, i) for name in 'ab' for i in range(200)), len(lines)

reader = open('large.bin', 'rb')
size = os.fstat(reader.fileno()).st_size
first = reader.read(4096)
with open('large.bin', 'r+b') as writer: writer.write(b'Z' * 8192)
reader.seek(0)
assert reader.read(8192) == b'Z' * 8192
with open('new.bin', 'wb') as file: file.write(b'new')
os.rename('new.bin', 'large.bin')
time.sleep(1.5)
rest = reader.read()
assert len(rest) == size - 8192 and os.fstat(reader.fileno()).st_size == size
assert open('large.bin', 'rb').read() == b'new'

gone = open('new.bin', 'w+b')
gone.write(b'abc')
os.unlink('new.bin')
gone.write(b'def')
gone.flush()
time.sleep(1.2)
gone.seek(0)
assert gone.read() == b'abcdef' and os.fstat(gone.fileno()).st_size == 6
gone.close()

try: os.link('mapped', 'second')
except OSError as error: assert error.errno == errno.EPERM, error
else: raise AssertionError('a hard link was made')

directory = os.open('.', os.O_RDONLY)
os.fsync(directory)
moment = 1_700_000_000_123_456_000
os.utime('mapped', ns=(moment, moment))
time.sleep(1.1)
assert abs(os.stat('mapped').st_mtime_ns - moment) < 2000, os.stat('mapped').st_mtime_ns

os.makedirs('a/b')
file = open('a/b/f', 'wb')
os.rename('a', 'c')
file.write(b'1')
file.close()
assert open('c/b/f', 'rb').read() == b'1'
open('new.bin', 'w').close()
`
