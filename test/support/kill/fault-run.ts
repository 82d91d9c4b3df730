import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { RiaDataset } from '../../../src/ria/keys/ria-dataset.ts'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ArchiveProgram, type Keys, makeKeys, putKeys } from '../programs/archive-program.ts'
import { explain, type Result, start as startProgram } from '../programs/run.ts'
import { isRoot } from '../programs/users.ts'
import { addDataset, makeRiaStore } from '../repos/ria-store.ts'
import { startSshd } from '../servers/sshd.ts'
import { write } from '../stores/stores.ts'
import type { S3Scene } from '../worlds/s3-scene.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { expectNothingLost } from './kill-archive.ts'
import { expectNothingLost as expectNothingLostInS3 } from './kill-archive-s3.ts'

/** A dataset that things are done to, as its administrators and its clients reach it. */
export interface Subject {
  readonly name: string
  readonly url: string
  readonly id: string
  readonly keys: Keys
  readonly env: NodeJS.ProcessEnv
  /** As clients see it, in this process. */
  readonly store: Store
  /** Every key is whole, loose or archived, as other programs than ours see it. */
  check(): Promise<void>
}

/** What a run came to. Everything but the first two numbers has to be 0. */
export interface Toll {
  kills: number
  stops: number
  /** Clients that were told that a key is not there. */
  falseAnswers: number
  /** Programs that did not end within HANG_MS. */
  hangs: number
}

/** What no program may take longer for. Waiting for a lock in S3 is 20 seconds of it. ms. */
const HANG_MS = 60_000

type Command = 'archive' | 'unarchive'

/** Numbers between 0 and 1; the same ones for the same seed. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * From RIASTORE_FAULT_SEED, else another each time. It is printed, so that a run can be done again.
 */
export function chooseSeed(): number {
  const seed = Number(process.env.RIASTORE_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`RIASTORE_FAULT_SEED=${seed}`)
  return seed
}

/**
 * Packs and unpacks a dataset, and kills or stops the program at moments that the seed chooses.
 * While it is dead, or stopped, somebody on another host breaks its lock and packs or unpacks; then
 * the stopped one goes on. After each step every key has to be there and whole, and a client that
 * looks all the time has to find every one.
 */
export async function runFaults(
  riastore: ArchiveProgram,
  subject: Subject,
  { seed, kills, stops }: { readonly seed: number; readonly kills: number; readonly stops: number },
): Promise<Toll> {
  const random = numbers(seed)
  const toll: Toll = { kills: 0, stops: 0, falseAnswers: 0, hangs: 0 }
  const took: Record<Command, number> = { archive: 0, unarchive: 0 }
  const options = { env: subject.env, timeoutMs: HANG_MS }
  const start = (command: Command) => riastore.start([command, '--yes', subject.url, subject.id], options)
  /** From a host of another name, where we may have one. */
  const startElsewhere = (command: Command) => {
    const words = [command, '--yes', '--break-lock', subject.url, subject.id]
    if (!isRoot) return riastore.start(words, options)
    const rename = 'hostname elsewhere && exec "$0" "$@"'
    return startProgram('unshare', ['--uts', 'sh', '-c', rename, riastore.path, ...words], options)
  }
  const end = async (done: Promise<Result>, codes: readonly (number | undefined)[]) => {
    const result = await done
    if (result.timedOut) toll.hangs += 1
    expect(codes, explain(result)).toContain(result.status)
    if (result.status !== 0 && result.status !== undefined) expect(result.stderr.trim().split('\n')).toHaveLength(1)
  }
  const settle = async (command: Command) => {
    const began = performance.now()
    await end(start(command).done, [0])
    took[command] = Math.max(took[command], performance.now() - began)
  }
  const client = watch(subject, toll)
  try {
    await settle('archive')
    await settle('unarchive')
    for (let packed = false; toll.kills < kills || toll.stops < stops; packed = !packed) {
      const command = packed ? 'unarchive' : 'archive'
      const other: Command = random() < 0.5 ? 'archive' : 'unarchive'
      const isKill = toll.stops >= stops || (toll.kills < kills && random() < kills / (kills + stops))
      const running = start(command)
      await Promise.race([sleep(random() * took[command]), running.done])
      running.killGroup(isKill ? 'SIGKILL' : 'SIGSTOP')
      if (isKill) {
        if ((await running.done).signal === 'SIGKILL') toll.kills += 1
      } else {
        toll.stops += 1
        await subject.check()
      }
      await end(startElsewhere(other).done, [0])
      await subject.check()
      if (!isKill) {
        running.killGroup('SIGCONT')
        await end(running.done, [0, 1])
        await subject.check()
      }
      await settle(packed ? 'archive' : 'unarchive')
      await settle(packed ? 'unarchive' : 'archive')
      await subject.check()
    }
  } finally {
    await client.stop()
  }
  return toll
}

/** A client that looks for one key after the other. */
function watch({ store, id, keys }: Subject, toll: Toll): { stop(): Promise<void> } {
  const dataset = new RiaDataset(store, { id, annexUuid: '11111111-2222-3333-4444-555555555555' })
  let isOver = false
  const looking = (async () => {
    const all = [...keys.keys()]
    for (let i = 0; !isOver; i++) {
      const isThere = await dataset.checkPresent(all[i % all.length] ?? '').catch(() => 'unknown')
      if (isThere === false) toll.falseAnswers += 1
      await sleep(5)
    }
  })()
  return {
    async stop() {
      isOver = true
      await looking
      await dataset.close()
    },
  }
}

/** On a disk, or behind an sshd. */
export async function fileSubject(workspace: Workspace, name: 'disk' | 'ssh', count: number): Promise<Subject> {
  const root = workspace.path(`store-${name}`)
  const dataset = await addDataset(workspace, await makeRiaStore(root))
  const keys = makeKeys(count, 20_000)
  await putKeys(dataset, keys)
  const store = openLocalStore({ root })
  workspace.onRemove(() => store.close())
  const url = name === 'disk' ? `ria+file://${root}` : `ria+ssh://${(await startSshd(workspace)).alias}${root}`
  await mkdir(workspace.path(`tmp-${name}`))
  const env = { ...workspace.env, TMPDIR: workspace.path(`tmp-${name}`) }
  return { name, url, id: dataset.id, keys, env, store, check: () => expectNothingLost(dataset, keys) }
}

export async function s3Subject(workspace: Workspace, scene: S3Scene, count: number): Promise<Subject> {
  const id = await scene.addDataset('faulty-0001-of-the-dataset')
  const directory = datasetDirectory(id)
  const keys = makeKeys(count, 20_000)
  for (const [key, content] of keys) {
    await write(scene.bucket, `${directory}/annex/objects/${placesOf(key, '2')[0]}`, content)
  }
  await mkdir(workspace.path('tmp-S3'))
  const env = { ...scene.env, TMPDIR: workspace.path('tmp-S3') }
  const check = () => expectNothingLostInS3(workspace, scene.bucket, directory, keys)
  return { name: 'S3', url: scene.url, id, keys, env, store: scene.bucket, check }
}
