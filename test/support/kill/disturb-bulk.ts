import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { checksumOf } from '../../../src/core/checksum.ts'
import { parseKey } from '../../../src/core/key.ts'
import { numbersOf, pick, type Random } from '../faults/numbers.ts'
import type { SmallDisk } from '../faults/small-disk.ts'
import { explain, type Result, type Running, runOk } from '../programs/run.ts'
import { AnnexRepo, field } from '../repos/annex-repo.ts'
import { listTree } from '../repos/ria-store.ts'
import { type BulkScene, expectAllHere } from '../worlds/bulk-scene.ts'

/** What happens to a get or a put while it runs. */
export type Trouble =
  /** It is ended at once: alone, or with all that it started. */
  | 'killed'
  | 'all killed'
  /** It, or it with all that it started, does nothing for a while. */
  | 'stopped'
  | 'all stopped'
  /** The store goes away, and comes back when it has ended. */
  | 'gone'
  /** A copy of a key that it reads is damaged. */
  | 'damaged'
  /** The same command a second time. */
  | 'twice'
  /** git-annex at the same work. */
  | 'annex'
  /** `riastore archive` packs the keys in the store. */
  | 'archive'
  /** The disk that it writes to is full. */
  | 'full'

export interface Disturbed {
  readonly scene: BulkScene
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Where what `full` fills is: the clones of a get, the store of a put. */
  readonly disk?: SmallDisk | undefined
  /** By it the moments are chosen, and which key is damaged. */
  readonly seed: number
}

type Files = Disturbed['files']

/** How it may end beside each trouble. No code: it was killed. */
const ENDS: Record<Trouble, readonly (number | undefined)[]> = {
  killed: [undefined, 0],
  'all killed': [undefined, 0],
  stopped: [0],
  'all stopped': [0],
  gone: [0, 1, 4],
  damaged: [1],
  twice: [0],
  annex: [0],
  archive: [0],
  full: [0, 1],
}

/**
 * Gets into a new clone for each trouble. Whatever has its place then is whole, what is recorded is
 * there, the store has lost nothing, and the same command again gets the rest.
 */
export async function disturbGets(
  { scene, files, disk, seed }: Disturbed,
  troubles: readonly Trouble[],
): Promise<void> {
  // The disk shall be full for those who write, and not be found so before.
  const original = await scene.clone('original', { 'annex.diskreserve': '0' })
  const names = Object.keys(files)
  const copy = async (name: string | number) => {
    const path = join(disk?.path ?? scene.workspace.directory, `clone-${name}`)
    await runOk('cp', ['-a', original.path, path])
    return new AnnexRepo(scene.workspace, path, original.options)
  }
  const usualMs = await durationOf(scene, await copy('undisturbed'), 'get')
  for (const [step, trouble] of troubles.entries()) {
    const random = numbersOf(seed, step)
    const repo = await copy(step)
    const name = pick(random, names as [string, ...string[]])
    // Keys that lie loose can be damaged one by one, and packed.
    if (trouble === 'archive' || trouble === 'damaged') await unarchive(scene)
    const mend = trouble === 'damaged' ? await damage(await storedFile(scene, name)) : undefined
    const command = ['get']
    const result = await disturb({ scene, repo, disk, random, usualMs }, command, trouble)
    expectEnd(result, step, trouble, [])
    await expectTrue(repo, files, trouble === 'damaged' ? name : undefined)
    await mend?.()
    const again = await scene.riastore(repo, ...command)
    expect(again.status, `${step} ${trouble}: ${explain(again)}`).toBe(0)
    await expectAllHere(repo, files)
    expect((await repo.git('for-each-ref', 'refs/riastore')).stdout, trouble).toBe('')
    if (trouble === 'archive') await expectStored(scene, names)
    await runOk('chmod', ['-R', 'u+w', repo.path])
    await rm(repo.path, { recursive: true })
  }
}

/**
 * Puts what the source has for each trouble, into a store that has nothing. What is recorded then
 * is in the store, the source has lost nothing, and the same command again puts the rest.
 */
export async function disturbPuts(
  { scene, files, disk, seed }: Disturbed,
  troubles: readonly Trouble[],
  ...options: string[]
): Promise<void> {
  const { source } = scene
  const names = Object.keys(files)
  const forget = () => source.annex('drop', '--from', 'store', '--force', '--quiet', ...names)
  const usualMs = await durationOf(scene, source, 'put', ...options)
  await forget()
  for (const [step, trouble] of troubles.entries()) {
    const random = numbersOf(seed, step)
    const name = pick(random, names as [string, ...string[]])
    const mend = trouble === 'damaged' ? await damage(await objectOf(source, name)) : undefined
    const command = ['put', ...options]
    const result = await disturb({ scene, repo: source, disk, random, usualMs }, command, trouble)
    // Two may want the lock of the archive: then one of them is told that the other has it.
    const isLocked = command.includes('--archive') && (trouble === 'twice' || trouble === 'archive') ? [5] : []
    expectEnd(result, step, trouble, isLocked)
    const { stdout } = await source.annex('find', '--in=store', `--format=${field('file')}\\n`)
    const recorded = stdout.split('\n').slice(0, -1)
    if (trouble === 'damaged') expect(recorded).not.toContain(name)
    if (recorded.length > 0) await expectStored(scene, recorded)
    await mend?.()
    await expectTrue(source, files)
    const again = await scene.riastore(source, ...command)
    expect(again.status, `${step} ${trouble}: ${explain(again)}`).toBe(0)
    expect((await source.annex('find', '--not', '--in=store')).stdout, trouble).toBe('')
    await expectStored(scene, names)
    expect((await source.git('for-each-ref', 'refs/riastore')).stdout, trouble).toBe('')
    await forget()
  }
}

/** How long a command takes when nothing happens; ms. */
async function durationOf(scene: BulkScene, repo: AnnexRepo, ...args: string[]): Promise<number> {
  const result = await scene.riastore(repo, ...args)
  expect(result.status, explain(result)).toBe(0)
  return result.ms
}

interface Surroundings {
  readonly scene: BulkScene
  readonly repo: AnnexRepo
  readonly disk: SmallDisk | undefined
  readonly random: Random
  /** How long it takes when nothing happens. */
  readonly usualMs: number
}

/** Runs a command into a trouble, and has that end when it has ended. */
async function disturb(
  { scene, repo, disk, random, usualMs }: Surroundings,
  command: readonly string[],
  trouble: Trouble,
): Promise<Result> {
  const start = () => scene.program.start(command, { cwd: repo.path, env: scene.env })
  const afterMs = random() * usualMs
  const run = start()
  const others = besides(trouble, scene, repo, command, start)
  let undo = async () => {}
  if (!['damaged', 'twice', 'annex', 'archive'].includes(trouble)) await Promise.race([sleep(afterMs), run.done])
  if (trouble === 'killed') run.child.kill('SIGKILL')
  if (trouble === 'all killed') run.killGroup('SIGKILL')
  if (trouble === 'stopped' || trouble === 'all stopped') await stop(run, trouble, random() * 3_000)
  if (trouble === 'gone') undo = await takeAway(scene)
  if (trouble === 'full' && disk !== undefined) {
    await disk.fill()
    undo = () => disk.free()
  }
  const result = await run.done
  for (const { done, ends } of await others) {
    const other = await done
    expect(ends, explain(other)).toContain(other.status)
  }
  await undo()
  return result
}

interface Other {
  readonly done: Promise<Result>
  readonly ends: readonly (number | undefined)[]
}

/** Who is at work beside it, and how they may end. */
async function besides(
  trouble: Trouble,
  scene: BulkScene,
  repo: AnnexRepo,
  command: readonly string[],
  start: () => Running,
): Promise<Other[]> {
  const packs = command.includes('--archive')
  if (trouble === 'twice') return [{ done: start().done, ends: packs ? [0, 5] : [0] }]
  if (trouble === 'annex') {
    const all = command[0] === 'get' ? ['get', '.'] : ['copy', '--to', 'store', '.']
    return [{ done: repo.tryAnnex(...all), ends: [0] }]
  }
  if (trouble === 'archive') {
    const args = ['archive', '--yes', scene.url, scene.datasetId]
    return [{ done: scene.program.run(args, { cwd: repo.path, env: scene.env }), ends: packs ? [0, 5] : [0] }]
  }
  return []
}

async function stop(run: Running, trouble: Trouble, forMs: number): Promise<void> {
  const signal = (name: NodeJS.Signals) => (trouble === 'stopped' ? run.child.kill(name) : run.killGroup(name))
  signal('SIGSTOP')
  await sleep(forMs)
  signal('SIGCONT')
}

/** Nobody reaches the store until it is brought back. */
async function takeAway({ dataset, network, s3 }: BulkScene): Promise<() => Promise<void>> {
  if (s3 !== undefined) {
    s3.faults.misbehave({ status: 503, code: 'ServiceUnavailable' })
    return async () => s3.faults.reset()
  }
  if (network !== undefined) {
    network.refuse()
    network.cut()
    return async () => network.resume()
  }
  await rename(dataset.path, `${dataset.path}-away`)
  return () => rename(`${dataset.path}-away`, dataset.path)
}

/** Changes a byte of a file, or adds one to an empty file. Returns what brings it back. */
async function damage(file: string): Promise<() => Promise<void>> {
  const good = await readFile(file)
  const write = async (content: Uint8Array) => {
    await chmod(file, 0o644)
    await writeFile(file, content)
    await chmod(file, 0o444)
  }
  await write(Buffer.concat([good.subarray(1), Buffer.from([((good[0] ?? 0) + 1) % 256])]))
  return () => write(good)
}

const storedFile = async ({ dataset, source }: BulkScene, name: string) =>
  dataset.keyFile(source, await source.key(name))

async function objectOf(repo: AnnexRepo, name: string): Promise<string> {
  const { stdout } = await repo.annex('contentlocation', await repo.key(name))
  return join(repo.path, stdout.trim())
}

async function unarchive({ program, url, datasetId, env }: BulkScene): Promise<void> {
  const result = await program.run(['unarchive', '--yes', url, datasetId], { env })
  expect(result.status, explain(result)).toBe(0)
}

function expectEnd(result: Result, step: number, trouble: Trouble, besides: readonly number[]): void {
  const said = `${step} ${trouble}: ${explain(result)}`
  expect(result.timedOut, said).toBe(false)
  expect([...ENDS[trouble], ...besides], said).toContain(result.status)
}

/** Every object of a repository is whole, and what it has by its records is there. */
async function expectTrue(repo: AnnexRepo, files: Files, without?: string): Promise<void> {
  const objects = join(repo.path, '.git/annex/objects')
  for (const { path, kind, size } of await listTree(objects)) {
    if (kind !== 'file') continue
    const key = parseKey(path.slice(path.lastIndexOf('/') + 1))
    expect([key.size, checksumOf(key)?.matches(await readFile(join(objects, path)))], path).toEqual([size, true])
  }
  const { stdout } = await repo.annex('find', `--in=${await repo.uuid()}`, `--format=${field('file')}\\n`)
  const recorded = stdout.split('\n').slice(0, -1)
  const here = new Set((await repo.annex('find', '--in=here', `--format=${field('file')}\\n`)).stdout.split('\n'))
  for (const file of recorded) expect(here.has(file), file).toBe(true)
  for (const file of recorded) expect(Object.keys(files)).toContain(file)
  if (without !== undefined) expect(recorded).not.toContain(without)
}

/** By git-annex's own look at each key in the store. */
async function expectStored({ source }: BulkScene, names: readonly string[]): Promise<void> {
  const check = await source.tryAnnex('fsck', '--from', 'store', ...names)
  expect([check.status, /fixing|bad|not present/.test(check.stdout)], explain(check)).toEqual([0, false])
}
