import { appendFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Clone, openClone, refusesContent } from '../../../bulk/clone/clone.ts'
import { requireCloneOf } from '../../../bulk/clone/clone-of.ts'
import type { BulkEvents } from '../../../bulk/events.ts'
import { takeIn } from '../../../bulk/local/take-in.ts'
import { ConfigError, codeOf, messageOf } from '../../../core/errors.ts'
import { clearDeadMount } from '../../../mount/dead-mount.ts'
import {
  deviceOfOurs,
  findMountPrograms,
  type MountPrograms,
  serveFolder,
  startMounted,
  tellReady,
  unmount,
} from '../../../mount/mounting.ts'
import type { Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { parseSize } from '../../quantities.ts'
import { withStoreOfWords } from '../../store-words.ts'
import type { MOUNT } from '../../table/mount.ts'
import { datasetOf, type FolderOptions, type OpenFolder, openFolder } from './open-folder.ts'
import { prepareStage } from './stage.ts'

type Args = ArgsOf<typeof MOUNT>

/** Less would not hold what is read ahead. Bytes. */
const LEAST_CACHE = 256 * 1024 * 1024

/**
 * `riastore mount`. A first process looks whether all is well and mounts; a second one, to which
 * the kernel's questions come, answers for the folder.
 */
export async function run(console: Console, args: Args): Promise<number> {
  const device = deviceOfOurs()
  const words = [...args.words]
  const given = words.pop()
  if (given === undefined) throw new ConfigError('which store, which dataset, and mounted where?')
  if (args.log !== undefined && args.daemon !== true) throw new ConfigError('--log is for --daemon')
  const cacheLimit = parseSize('cache-size', args.cacheSize)
  if (cacheLimit < LEAST_CACHE) throw new ConfigError('--cache-size is too small: 256M is the least')
  const directory = resolve(given)
  const stage = args.stage === undefined ? undefined : resolve(args.stage)
  if (stage !== undefined && `${stage}/`.startsWith(`${directory}/`)) {
    throw new ConfigError(`${stage} would be hidden by what is mounted on ${directory}`)
  }
  const prepared = { ...args, directory, stage, store: words[0] ?? '', cacheLimit }
  return withStoreOfWords(words, (store, names) =>
    device === undefined ? start(console, store, names, prepared) : serve(console, store, names, prepared, device),
  )
}

interface Prepared extends Args {
  readonly directory: string
  readonly stage: string | undefined
  /** As the user named it. */
  readonly store: string
  readonly cacheLimit: number
}

async function start(console: Console, store: Store, names: readonly string[], args: Prepared): Promise<number> {
  const { directory, stage } = args
  const folder = await openFolder(store, names, { ...folderOptions(args, console.signal), stage: undefined })
  await folder.close()
  const programs = await findMountPrograms()
  await requireEmpty(console, directory, programs)
  const [name] = names
  const { commit } = folder
  if (name !== undefined && commit !== undefined) {
    const { id, ref } = await datasetOf(store, name, console.signal)
    const clone = await openTarget(args.into)
    if (clone !== undefined) await requireCloneOf(clone, id, commit)
    if (stage !== undefined) {
      await prepareStage({ store: args.store, datasetId: id, ref, commit, directory: stage }, console.signal)
    }
  }
  const source = [store.traits.root, ...names].join('#')
  const alone = args.daemon === true
  const writable = stage !== undefined
  const code = await startMounted(programs, { directory, source, writable, alone, signal: console.signal })
  console.signal.throwIfAborted()
  if (code === undefined) showMounted(console, directory, commit)
  return code ?? EXIT.done
}

async function serve(
  console: Console,
  store: Store,
  names: readonly string[],
  args: Prepared,
  device: number,
): Promise<number> {
  const { directory, log } = args
  const alone = args.daemon === true
  const { fusermount } = await findMountPrograms()
  const stop = new AbortController()
  if (!alone) process.once('disconnect', () => stop.abort()) // whoever started us is gone
  const signal = AbortSignal.any([console.signal, stop.signal])
  let folder: OpenFolder | undefined
  const whole = new Map<string, string>()
  const clone = await openTarget(args.into)
  try {
    folder = await openFolder(store, names, { ...folderOptions(args, signal), whole })
    const { commit } = folder
    await serveFolder(folder.answers, {
      device,
      directory,
      fusermount,
      signal,
      onReady: () => {
        if (!alone) showMounted(console, directory, commit)
        tellReady(alone)
      },
      onFailure: (error, path) => {
        const line = `${path}: ${messageOf(error)}`
        if (!alone) console.fail(new Error(line), { path })
        else if (log !== undefined) appendFileSync(log, `${new Date().toISOString()} ${line}\n`)
      },
    })
  } catch (error) {
    await unmount(fusermount, directory)
    throw error
  } finally {
    await folder?.close()
  }
  if (clone !== undefined) {
    const held = [...whole].map(([key, file]) => ({ key, file }))
    const events: BulkEvents = {
      onFailed: ({ message }) => console.complain(message),
      onNote: (message) => console.note(message),
    }
    const taken = await takeIn(clone, held, events)
    if (!alone) console.note(`${taken} ${taken === 1 ? 'key' : 'keys'} given to ${clone.directory}`)
  }
  console.signal.throwIfAborted()
  return EXIT.done
}

function folderOptions({ all, stage, cache, cacheLimit }: Prepared, signal: AbortSignal): FolderOptions {
  return { all: all === true, stage, cache, cacheLimit, signal }
}

/** The clone that gets what was read. Throws ConfigError. */
async function openTarget(directory: string | undefined): Promise<Clone | undefined> {
  if (directory === undefined) return undefined
  const clone = await openClone(resolve(directory))
  const reason = refusesContent(clone)
  if (reason !== undefined) throw new ConfigError(`${directory} takes no content from riastore: ${reason}`)
  return clone
}

/** Throws ConfigError. What a riastore that was killed left mounted there is cleared away first. */
async function requireEmpty(console: Console, directory: string, programs: MountPrograms): Promise<void> {
  const look = () => readdir(directory)
  const names = await look()
    .catch(async (error) => {
      if (codeOf(error) !== 'ENOTCONN') throw error
      await clearDeadMount(directory, programs)
      console.note(`cleared ${directory}: the riastore that answered for it was killed`)
      return look()
    })
    .catch((error) => {
      if (error instanceof ConfigError) throw error
      throw new ConfigError(`${directory} is no directory to mount on: ${codeOf(error) ?? messageOf(error)}`)
    })
  if (names.length > 0) throw new ConfigError(`${directory} is not empty: mount on an empty directory`)
}

function showMounted(console: Console, directory: string, commit: string | undefined): void {
  const what = commit === undefined ? 'all datasets' : `commit ${commit.slice(0, 12)}`
  console.report({ type: 'mount', directory, commit }, `${what} at ${directory}`)
}
