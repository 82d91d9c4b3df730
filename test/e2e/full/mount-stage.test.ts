import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mountSmallDisk } from '../../support/faults/small-disk.ts'
import { explain, run, runOk } from '../../support/programs/run.ts'
import { AnnexRepo } from '../../support/repos/annex-repo.ts'
import { committed, expectAllIn, makeCommitScene } from '../../support/worlds/commit-scene.ts'

test.each(['ssh', 's3'] as const)(
  'a folder that can be written to is made of a dataset in a store by %s',
  async (store) => {
    const old = randomBytes(300_000)
    const scene = await makeCommitScene(store, { 'old.bin': old })
    const { env, workspace } = scene
    const [folder, directory] = [workspace.path('folder'), workspace.path('work')]
    await mkdir(folder)
    const words = ['mount', '--daemon', '--stage', directory, scene.url, scene.datasetId, folder]
    try {
      await scene.program.ok(words, { env })
      expect((await readFile(join(folder, 'old.bin'))).equals(old)).toBe(true)
      await runOk('sh', ['-euc', 'cp old.bin new.bin; echo more >> old.bin'], { cwd: folder, env })
      const work = new AnnexRepo(workspace, directory, { env })
      await committed(scene, work)
      // What is not here any more is read from the store again.
      await work.annex('drop', '.')
      expect((await readFile(join(folder, 'old.bin'))).equals(Buffer.concat([old, Buffer.from('more\n')]))).toBe(true)
      const seen = await scene.worker('seen')
      await seen.annex('get', '.')
      await seen.annex('fsck', '--quiet')
      expect((await seen.read('new.bin')).equals(old)).toBe(true)
    } finally {
      await run('fusermount3', ['-u', '-z', folder])
      await scene.remove()
    }
  },
)

/** Each with a folder and a clone of its own. */
const JOBS = Number(process.env.RIASTORE_MOUNTS ?? 10)

test.each(['ssh', 's3'] as const)(
  `the results of ${JOBS} jobs that each write into a folder of their own are all in a store by %s`,
  async (store) => {
    const old = randomBytes(100_000)
    const scene = await makeCommitScene(store, { 'old.bin': old })
    const { env, workspace } = scene
    const jobs = Array.from({ length: JOBS }, (_, i) => `job-${i}`)
    const folders = jobs.map((job) => workspace.path(`folder-${job}`))
    try {
      await Promise.all(
        jobs.map(async (job, i) => {
          const [folder = '', directory] = [folders[i], workspace.path(`work-${job}`)]
          await mkdir(folder)
          await scene.program.ok(['mount', '--daemon', '--stage', directory, scene.url, scene.datasetId, folder], {
            env,
          })
          const script = `mkdir -p results/${job}; for name in a b; do (cat old.bin; echo ${job} $name) > results/${job}/$name.bin; done`
          await runOk('sh', ['-euc', script], { cwd: folder, env })
          await committed(scene, new AnnexRepo(workspace, directory, { env }), '-m', job)
          // The folder has what others committed, too, as far as it was pushed before.
          expect(await readFile(join(folder, `results/${job}/b.bin`))).toEqual(
            Buffer.concat([old, Buffer.from(`${job} b\n`)]),
          )
        }),
      )
      await expectAllIn(scene, jobs)
    } finally {
      for (const folder of folders) await run('fusermount3', ['-u', '-z', folder])
      await scene.remove()
    }
  },
)

test('an annexed file that a full disk has no room to copy stays as it is, and what is written is told', async () => {
  const old = randomBytes(3 * 1024 * 1024)
  const scene = await makeCommitScene('file', { 'old.bin': old })
  const { env, workspace } = scene
  const [folder, disk] = [workspace.path('folder'), await mountSmallDisk(workspace, 'small', '20m')]
  const directory = join(disk.path, 'work')
  await mkdir(folder)
  try {
    await scene.program.ok(['mount', '--daemon', '--stage', directory, scene.url, scene.datasetId, folder], { env })
    const write = () => run('sh', ['-euc', 'printf X | dd of=old.bin conv=notrunc status=none'], { cwd: folder, env })
    expect((await readFile(join(folder, 'old.bin'))).equals(old)).toBe(true)
    await disk.fill()
    const full = await write()
    expect([full.status, full.stderr], explain(full)).toEqual([1, expect.stringMatching(/No space left on device/)])
    expect((await lstat(join(directory, 'old.bin'))).isSymbolicLink()).toBe(true)
    expect((await readFile(join(folder, 'old.bin'))).equals(old)).toBe(true)
    expect((await run('sh', ['-c', 'echo new > new.txt'], { cwd: folder, env })).status).not.toBe(0)
    await disk.free()
    expect((await write()).status).toBe(0)
    expect((await readFile(join(folder, 'old.bin'))).subarray(0, 1).toString()).toBe('X')
    await committed(scene, new AnnexRepo(workspace, directory, { env }))
  } finally {
    await run('fusermount3', ['-u', '-z', folder])
    await scene.remove()
  }
})
