import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ArchiveProgram, type Keys, makeKeys } from '../programs/archive-program.ts'
import { run, runOk } from '../programs/run.ts'
import { paths, read, write } from '../stores/stores.ts'
import type { Workspace } from '../worlds/workspace.ts'

interface Killing {
  readonly workspace: Workspace
  readonly riastore: ArchiveProgram
  /** The store in the bucket, and its URL. */
  readonly bucket: Store
  readonly url: string
  readonly env: NodeJS.ProcessEnv
  readonly kills: number
}

const ID = 'killed-0001-of-the-dataset'

/**
 * Kills `riastore archive` and `riastore unarchive` on S3 at random moments, as killOver does on
 * disks: after each kill every key is there, loose or archived, and whole; the run after it
 * finishes, without anything left behind. Gives what the killed runs were doing.
 */
export async function killOnS3({ workspace, riastore, bucket, url, env, kills }: Killing): Promise<string[]> {
  const directory = datasetDirectory(ID)
  await write(bucket, `${directory}/ria-layout-version`, '2\n')
  const keys = makeKeys(30, 100_000)
  for (const [key, content] of keys) await write(bucket, looseOf(directory, key), content)
  const temporary = workspace.path('tmp-s3')
  await mkdir(temporary)
  const states: string[] = []
  const took = { archive: 0, unarchive: 0 }
  type Command = keyof typeof took
  const options = { env: { ...env, TMPDIR: temporary } }
  const settled = async (command: Command) => {
    const { archives, loose } = await found(bucket, directory)
    expect(archives).toEqual(command === 'archive' ? ['archive.7z'] : [])
    expect(loose.size).toBe(command === 'archive' ? 0 : keys.size)
    expect(await readdir(temporary)).toEqual([])
    await expectNothingLost(workspace, bucket, directory, keys)
  }
  const finish = async (command: Command) => {
    const began = performance.now()
    await riastore.ok([command, url, ID], options)
    took[command] = Math.max(took[command], performance.now() - began)
    await settled(command)
  }
  await finish('archive')
  await finish('unarchive')
  let command: Command = 'archive'
  for (let killed = 0; killed < kills; ) {
    const running = riastore.start([command, url, ID], options)
    await sleep(Math.random() * took[command])
    running.killGroup('SIGKILL')
    if ((await running.done).signal === 'SIGKILL') {
      killed += 1
      const { archives, loose } = await found(bucket, directory)
      const parts = archives.map((name) => name.replace(/^riastore-.*/, 'temporary file'))
      states.push(`${command}: ${[...new Set(parts)].join(', ')}; ${loose.size} loose`)
      await expectNothingLost(workspace, bucket, directory, keys)
    }
    await finish(command)
    command = command === 'archive' ? 'unarchive' : 'archive'
  }
  return states
}

function looseOf(directory: string, key: string): string {
  return `${directory}/annex/objects/${placesOf(key, '2')[0]}`
}

async function found(bucket: Store, directory: string) {
  const all = await paths(bucket, directory)
  const below = (part: string) => all.filter((path) => path.startsWith(`${directory}/${part}/`))
  return {
    archives: below('archives').map((path) => path.slice(`${directory}/archives/`.length)),
    loose: new Set(below('annex/objects')),
  }
}

/** Every key is whole where a client finds it. */
export async function expectNothingLost(
  workspace: Workspace,
  bucket: Store,
  directory: string,
  keys: Keys,
): Promise<void> {
  const { archives, loose } = await found(bucket, directory)
  const unpacked = await mkdtemp(workspace.path('unpacked-'))
  if (archives.includes('archive.7z')) {
    const archive = `${unpacked}/archive.7z`
    await writeFile(archive, await read(bucket, `${directory}/archives/archive.7z`))
    await runOk('7z', ['x', '-bd', '-oall', archive], { cwd: unpacked })
  }
  const lost: string[] = []
  for (const [key, content] of keys) {
    const path = looseOf(directory, key)
    if (loose.has(path)) {
      if (!(await read(bucket, path)).equals(content)) lost.push(`${key} is damaged`)
      continue
    }
    const member = await readFile(`${unpacked}/all/${placesOf(key, '2')[0]}`).catch(() => undefined)
    if (!member?.equals(content)) lost.push(`${key} is gone`)
  }
  await run('rm', ['-rf', unpacked])
  expect(lost).toEqual([])
}
