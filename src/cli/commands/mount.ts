import { appendFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Clone, openClone } from '../../bulk/clone/clone.ts'
import { refusesContent, takeIn } from '../../bulk/local/take-in.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { ConfigError, codeOf, messageOf } from '../../core/errors.ts'
import { KeyCache } from '../../mount/cache/key-cache.ts'
import { DatasetFolder } from '../../mount/dataset-folder.ts'
import { deviceOfOurs, findMountPrograms, serveFolder, startMounted, tellReady, unmount } from '../../mount/mounting.ts'
import { StoreFolder } from '../../mount/store-folder.ts'
import type { Found } from '../../mount/tree.ts'
import { findDataset, realDirectory } from '../../ria/layout/datasets.ts'
import { noStore } from '../../ria/layout/no-store.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { parseSize } from '../quantities.ts'
import { withStoreOfWords } from '../store-words.ts'
import type { MOUNT } from '../table/mount.ts'

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
  const prepared = { ...args, directory: resolve(given), cacheLimit }
  return withStoreOfWords(words, (store, names) =>
    device === undefined ? start(console, store, names, prepared) : serve(console, store, names, prepared, device),
  )
}

interface Prepared extends Args {
  readonly directory: string
  readonly cacheLimit: number
}

async function start(console: Console, store: Store, names: readonly string[], args: Prepared): Promise<number> {
  const { directory } = args
  const folder = await openFolder(store, names, args, console.signal)
  await folder.close()
  await requireEmpty(directory)
  await openTarget(args.into)
  const programs = await findMountPrograms()
  const source = [store.traits.root, ...names].join('#')
  const alone = args.daemon === true
  const code = await startMounted(programs, { directory, source, alone, signal: console.signal })
  console.signal.throwIfAborted()
  if (code === undefined) showMounted(console, directory, folder.commit)
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
    folder = await openFolder(store, names, args, signal, whole)
    const { commit } = folder
    await serveFolder(folder.top, {
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
    const taken = await takeIn(clone, held, { onFailed: ({ message }) => console.complain(message) })
    if (!alone) console.note(`${taken} ${taken === 1 ? 'key' : 'keys'} given to ${clone.directory}`)
  }
  console.signal.throwIfAborted()
  return EXIT.done
}

/** The clone that gets what was read. Throws ConfigError. */
async function openTarget(directory: string | undefined): Promise<Clone | undefined> {
  if (directory === undefined) return undefined
  const clone = await openClone(resolve(directory))
  const reason = refusesContent(clone)
  if (reason !== undefined) throw new ConfigError(`${directory} takes no content from riastore: ${reason}`)
  return clone
}

interface OpenFolder {
  readonly top: Found
  readonly commit: string | undefined
  close(): Promise<void>
}

/**
 * `whole` gets where the keys are that were read whole. Throws ConfigError for a dataset or commit
 * that is not there, and StoreError.
 */
async function openFolder(
  store: Store,
  names: readonly string[],
  args: Prepared,
  signal: AbortSignal,
  whole = new Map<string, string>(),
): Promise<OpenFolder> {
  const [name, ...more] = names
  const isOne = name !== undefined && more.length === 0
  if (args.all === true ? names.length > 0 : !isOne) {
    throw new ConfigError('which dataset? Give one as id or ~alias, or --all')
  }
  const directory = args.cache === undefined ? join(cacheDirectory(), 'mount') : resolve(args.cache)
  const cache = new KeyCache({ directory, limit: args.cacheLimit })
  const onWhole = (key: string, inCache: string) => whole.set(key, cache.pathOf(inCache))
  const options = { cache, indexDirectory: cacheDirectory(), signal, onWhole }
  if (name === undefined) {
    if ((await store.stat(LAYOUT_FILE, { signal })) === undefined) throw noStore(store)
    const all = new StoreFolder(store, options)
    return { top: all.top, commit: undefined, close: () => closeBoth(cache, all) }
  }
  const [id = '', ref] = splitAt(name ?? '')
  const found = await findDataset(store, id, { signal })
  // What is in the cache is known by it, whatever it was called.
  const dataset = found.at((await realDirectory(found, { signal })) ?? found.directory)
  const folder = await DatasetFolder.open(dataset, ref, options)
  return {
    top: folder.top(Buffer.alloc(0)),
    commit: folder.commit,
    close: () => closeBoth(cache, folder),
  }
}

async function closeBoth(cache: KeyCache, folder: { close(): Promise<void> }): Promise<void> {
  cache.close()
  await folder.close()
}

/** `~alias@v1`: DATASET and REF. */
function splitAt(name: string): readonly [string, string | undefined] {
  const at = name.indexOf('@')
  return at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)]
}

async function requireEmpty(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error) => {
    throw new ConfigError(`${directory} is no directory to mount on: ${codeOf(error) ?? messageOf(error)}`)
  })
  if (names.length > 0) throw new ConfigError(`${directory} is not empty: mount on an empty directory`)
}

function showMounted(console: Console, directory: string, commit: string | undefined): void {
  const what = commit === undefined ? 'all datasets' : `commit ${commit.slice(0, 12)}`
  console.report({ type: 'mount', directory, commit }, `${what} at ${directory}`)
}
