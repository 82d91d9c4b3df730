import { chmod, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { type ArchiveProgram, archivesOf, type Keys, makeKeys, putKeys } from '../programs/archive-program.ts'
import { processes } from '../programs/processes.ts'
import { runOk } from '../programs/run.ts'
import { addDataset, makeRiaStore, type RiaDatasetFiles } from '../repos/ria-store.ts'
import { startSshd } from '../servers/sshd.ts'
import { removeTree, type Workspace } from '../worlds/workspace.ts'

type Access = 'file' | 'ssh' | 'sftp'

interface Killing {
  readonly riastore: ArchiveProgram
  /** As it is given to the program. */
  readonly store: string
  readonly dataset: RiaDatasetFiles
  /** All are loose. */
  readonly keys: Keys
  readonly kills: number
  /** Where the program keeps temporary files. */
  readonly temporary: string
}

/**
 * Kills it `kills` times, on a dataset of its own that is reached in this way. Root only for
 * `sftp`.
 */
export async function killOver(
  workspace: Workspace,
  riastore: ArchiveProgram,
  access: Access,
  kills: number,
): Promise<string[]> {
  let root = workspace.path(`store-${access}`)
  let url = `ria+file://${root}`
  if (access === 'ssh') url = `ria+ssh://${(await startSshd(workspace)).alias}${root}`
  if (access === 'sftp') {
    const chroot = await mkdtemp('/run/riastore-') // sshd wants every directory above it to be root's alone
    workspace.onRemove(() => removeTree(chroot))
    await chmod(chroot, 0o755)
    url = `ria+ssh://${(await startSshd(workspace, { user: 'nobody', sftpOnly: { chroot } })).alias}/store`
    root = join(chroot, 'store')
  }
  const dataset = await addDataset(workspace, await makeRiaStore(root))
  // Elsewhere than on a disk each key takes as long as two there.
  const keys = makeKeys(access === 'file' ? 200 : 100, 20_000)
  await putKeys(dataset, keys)
  if (access === 'sftp') await runOk('chown', ['-R', 'nobody', root])
  const temporary = workspace.path(`tmp-${access}`)
  await mkdir(temporary)
  return killAtRandom({ riastore, store: url, dataset, keys, kills, temporary })
}

/**
 * Kills `riastore archive` and `riastore unarchive`, with all that they started, at random moments.
 * After each kill every key has to be there, loose or archived, and whole; the run after it has to
 * finish, without anything left behind. Gives what the killed runs were doing, as the files tell.
 */
async function killAtRandom({ riastore, store, dataset, keys, kills, temporary }: Killing): Promise<string[]> {
  const states: string[] = []
  const words = { archive: ['archive', store, dataset.id], unarchive: ['unarchive', store, dataset.id] }
  const env = { ...riastore.env, TMPDIR: temporary }
  /** How long a run takes, ms; the slowest so far. */
  const took = { archive: 0, unarchive: 0 }
  const finish = async (command: keyof typeof words) => {
    const began = performance.now()
    await riastore.ok(words[command], { env })
    took[command] = Math.max(took[command], performance.now() - began)
    await expectSettled(command)
  }
  const expectSettled = async (command: keyof typeof words) => {
    expect(await archivesOf(dataset)).toEqual(command === 'archive' ? ['archive.7z'] : [])
    expect(await dataset.keys()).toHaveLength(command === 'archive' ? 0 : keys.size)
    expect(await readdir(temporary)).toEqual([])
    expect(await workingOn(dataset)).toEqual([])
    await expectNothingLost(dataset, keys)
  }
  await finish('archive')
  await finish('unarchive')
  let command: keyof typeof words = 'archive'
  for (let killed = 0; killed < kills; ) {
    const running = riastore.start(words[command], { env })
    await sleep(Math.random() * took[command])
    running.killGroup('SIGKILL')
    const result = await running.done
    if (result.signal === 'SIGKILL') {
      killed += 1
      states.push(`${command}: ${await stateInWords(dataset, keys.size)}`)
      await expectNothingLost(dataset, keys)
      if (killed % 3 === 0) continue // and killed once more before it could finish
    } else {
      expect([result.status, result.stderr]).toEqual([0, ''])
      await expectSettled(command)
    }
    await finish(command)
    command = command === 'archive' ? 'unarchive' : 'archive'
  }
  await finish(command)
  return states
}

/** Every key is whole where a client finds it: loose, or in the archive. */
export async function expectNothingLost(dataset: RiaDatasetFiles, keys: Keys): Promise<void> {
  const archive = join(dataset.path, 'archives/archive.7z')
  const isThere = (await archivesOf(dataset)).includes('archive.7z')
  const crcs = new Map<string, string>()
  if (isThere) {
    await runOk('7z', ['t', archive]) // every CRC
    const { stdout } = await runOk('7z', ['l', '-slt', '-sccUTF-8', archive])
    for (const [, name = '', size = ''] of stdout.matchAll(/^Path = (.*)\nSize = (\d+)$/gm)) crcs.set(name, size)
  }
  const lost: string[] = []
  for (const [key, content] of keys) {
    const place = placesOf(key, '2')[0] ?? ''
    const loose = await readFile(join(dataset.path, 'annex/objects', place)).catch(() => undefined)
    if (loose !== undefined && !loose.equals(content)) lost.push(`${key} is damaged`)
    if (loose === undefined && crcs.get(place) !== String(content.length)) lost.push(`${key} is gone`)
  }
  expect(lost).toEqual([])
}

/** Processes that name something in the dataset. */
async function workingOn(dataset: RiaDatasetFiles): Promise<string[]> {
  return (await processes()).map(({ command }) => command).filter((command) => command.includes(dataset.path))
}

async function stateInWords(dataset: RiaDatasetFiles, count: number): Promise<string> {
  const names = await archivesOf(dataset)
  const loose = (await dataset.keys()).length
  const parts = [
    names.includes('lock') ? 'locked' : 'free',
    names.includes('archive.7z') ? 'archive' : 'no archive',
    names.some((name) => name.includes('.tmp')) ? 'temporary file' : '',
    loose === count ? 'all loose' : loose === 0 ? 'none loose' : 'some loose',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
