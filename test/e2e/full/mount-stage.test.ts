import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, runOk } from '../../support/programs/run.ts'
import { AnnexRepo } from '../../support/repos/annex-repo.ts'
import { committed, makeCommitScene } from '../../support/worlds/commit-scene.ts'

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
