import { isStoreError, messageOf, type StoreError } from '../../core/errors.ts'
import { toBoolean } from '../../core/git-config.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { findMissing } from '../../git/fsck/find-missing.ts'
import { isPlainlyWhole } from '../../git/fsck/is-plainly-whole.ts'
import { listObjectFiles } from '../../git/mend/object-files.ts'
import { hasTrailer } from '../../git/objects/has-trailer.ts'
import { isWholeLoose } from '../../git/objects/is-whole-loose.ts'
import { ObjectReader } from '../../git/objects/object-reader.ts'
import { packPath } from '../../git/objects/pack-files.ts'
import { readRefs } from '../../git/read-remote.ts'
import { RefLog } from '../../git/refs/ref-log.ts'
import { areViewsTrue, readText } from '../../git/refs/views.ts'
import { Revision } from '../../git/revision.ts'
import { aliasDirectory, readAlias } from '../../ria/layout/alias-file.ts'
import { readAliasLink } from '../../ria/layout/alias-link.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Problem, Report } from './problem.ts'
import { saidAt } from './said-id.ts'

/** A lock of git's is held for seconds. ms. */
const OLD_LOCK_MS = 3_600_000

/** So many objects that are files of their own are read at once. */
const LOOSE_AT_ONCE = 16

/**
 * Looks at the bare repository of a dataset: whether its refs lead to objects, its packs are whole,
 * what others see of it is what was pushed, and nobody ran git-annex in it. Throws StoreError when
 * the store cannot be reached.
 */
export async function checkRepository(dataset: StoredDataset, report: Report, call: CallOptions = {}): Promise<void> {
  const id = dataset.directory.replace('/', '')
  const tell = (problem: Omit<Problem, 'dataset'>) => report({ ...problem, dataset: id })
  const checks = [checkRefs, checkPacks, checkViews, checkConfig, checkLocks]
  for (const check of checks) {
    try {
      await check(dataset, tell, call)
    } catch (error) {
      if (call.signal?.aborted || isStoreError(error, 'unreachable', 'transient', 'aborted')) throw error
      if (check === checkRefs && isStoreError(error, 'missing') && !(await hasAnyOfGit(dataset, call))) return
      const code = isStoreError(error, 'corrupt', 'missing') ? 'git-damaged' : 'unreadable'
      tell({ code, weight: 'damage', message: messageOf(error), path: dataset.directory, mend: mendFrom(dataset) })
    }
  }
}

/**
 * Whether there is, or was, a repository: a dataset may have its keys here, and its git elsewhere
 * (`create-sibling-ria --storage-sibling only`).
 */
async function hasAnyOfGit(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  const files = ['HEAD', 'config', 'packed-refs', 'description'].map((name) => dataset.path(name))
  if ((await dataset.store.statAll(files, call)).some((stat) => stat !== undefined)) return true
  for (const name of ['refs', 'objects', 'riastore/refs']) {
    for await (const _child of dataset.store.children(dataset.path(name), call)) return true
  }
  return false
}

type Tell = (problem: Omit<Problem, 'dataset'>) => void

/** What a clone that is whole can give back. */
function mendFrom({ name }: StoredDataset): string {
  return `riastore repair --from CLONE STORE ${name}`
}

async function checkRefs(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const { head, refs } = await readRefs(dataset, call)
  const objects = new ObjectReader(dataset, call)
  for (const [ref, object] of refs) {
    try {
      const { type } = await objects.read(object)
      if (type === 'commit') await (await Revision.open(dataset, objects, object)).find('.datalad/config')
    } catch (error) {
      if (!isStoreError(error, 'missing', 'corrupt')) throw error
      const message = `${ref} leads to what is not there or damaged: ${(error as StoreError).reason}`
      tell({ code: 'ref-dangling', weight: 'damage', message, path: dataset.path(ref), mend: mendFrom(dataset) })
    }
  }
  if (head !== undefined && refs.size > 0 && !refs.has(head)) {
    const message = `HEAD points to ${head}, which is not there: a clone has no files`
    const mend = `riastore repair STORE ${dataset.name}`
    tell({ code: 'ref-dangling', weight: 'warning', message, path: dataset.path('HEAD'), mend })
  }
  await checkId(dataset, objects, head === undefined ? undefined : refs.get(head), tell)
}

/** That the dataset which lies here says of itself that it is this one. */
async function checkId(
  dataset: StoredDataset,
  objects: ObjectReader,
  head: string | undefined,
  tell: Tell,
): Promise<void> {
  const said = await saidAt(dataset, objects, head)
  if (said === undefined || said === dataset.directory.replace('/', '')) return
  const message = `.datalad/config says that this is the dataset ${said}`
  const id = dataset.directory.replace('/', '')
  const mend = `nothing where a copy is kept under an id of its own; else riastore repair STORE ${id}, which it has to be named for, moves it to where that id belongs`
  tell({ code: 'dataset-id', weight: 'warning', message, path: dataset.directory, mend })
}

function ifNotThere(error: unknown): undefined {
  if (!isStoreError(error, 'missing', 'corrupt')) throw error
}

/** By git where it reaches; else file by file. */
async function checkPacks(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const there = await packFiles(dataset, call)
  tellWithoutIndex(dataset, there, tell)
  const damage = await gitFsck(dataset, call)
  if (damage === undefined) return checkObjects(dataset, there, tell, call)
  for (const line of damage) {
    const mend = mendFrom(dataset)
    tell({ code: 'git-damaged', weight: 'damage', message: `git fsck: ${line}`, path: dataset.directory, mend })
  }
}

/** What git fsck says is wrong; undefined where it cannot be asked. */
async function gitFsck(dataset: StoredDataset, call: CallOptions): Promise<string[] | undefined> {
  const { store, directory } = dataset
  if (!store.traits.exec) return undefined
  // Elsewhere it takes more round trips than to start git there.
  if (store.traits.local && (await isPlainlyWhole(dataset, call))) return []
  const command = ['git', '--git-dir=.', 'fsck', '--full', '--no-dangling', '--no-progress']
  try {
    const { code, stdout, stderr } = await store.exec(command, { ...call, cwd: directory })
    if (code === 0) return []
    const said = `${stdout.toString()}\n${stderr}`
    // Not about what is in it: git is not there, or refuses a repository of another user.
    if (code >= 126 || /dubious ownership|not a git repository|detected dubious/.test(said)) return undefined
    const lines = said.split('\n').filter((line) => /^(error|fatal|missing|broken|bad|corrupt)/i.test(line))
    return lines.length > 0 ? lines.slice(0, 20) : [`ended with ${code}`]
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return undefined
  }
}

/** Packs and indices, by their paths, and when each was changed. */
async function packFiles(dataset: StoredDataset, call: CallOptions): Promise<Map<string, number | undefined>> {
  const there = new Map<string, number | undefined>()
  for await (const { path, file } of dataset.store.children(dataset.path('objects/pack'), call)) {
    if (file !== undefined && /\.(pack|idx)$/.test(path)) there.set(path, file.mtimeMs)
  }
  return there
}

/** git fsck says nothing of them. */
function tellWithoutIndex(dataset: StoredDataset, there: ReadonlyMap<string, number | undefined>, tell: Tell): void {
  for (const [path, sinceMs] of there) {
    if (!path.endsWith('.pack') || there.has(path.replace(/pack$/, 'idx'))) continue
    const message = 'a pack has no index: git does not find what is in it'
    const mend = `riastore repair STORE ${dataset.name}`
    tell({ code: 'pack-damaged', weight: 'damage', message, path, sinceMs, mend })
  }
}

/** What git fsck would find, where it cannot be asked. */
async function checkObjects(
  dataset: StoredDataset,
  there: ReadonlyMap<string, number | undefined>,
  tell: Tell,
  call: CallOptions,
): Promise<void> {
  const { store } = dataset
  const mend = mendFrom(dataset)
  for (const [path, sinceMs] of there) {
    if (await hasTrailer(store, path, call).catch(ifGone)) continue
    const message = 'it is damaged: its content does not have the checksum at its end'
    tell({ code: 'pack-damaged', weight: 'damage', message, path, sinceMs, mend })
  }
  const { loose } = await listObjectFiles(dataset, call)
  const isWhole = new Set<string>()
  await forEachParallel(loose, Math.min(LOOSE_AT_ONCE, store.traits.maxInFlight), async ([id, path]) => {
    if (await isWholeLoose(store, path, id, call).catch(ifGone)) isWhole.add(id)
    else {
      const message = `the object ${id} is damaged: its content has another id`
      tell({ code: 'git-damaged', weight: 'damage', message, path, mend })
    }
  })
  const state = await new RefLog(dataset).newest(call)
  for (const name of state.packs) {
    const path = packPath(dataset.directory, name, 'pack')
    if (there.has(path) || (await store.stat(path, call)) !== undefined) continue
    tell({ code: 'pack-damaged', weight: 'damage', message: 'a pack that was pushed is not there', path, mend })
  }
  const refs = state.generation > 0 ? state.refs : (await readRefs(dataset, call).catch(ifNotThere))?.refs
  const reader = new ObjectReader(dataset, call)
  const tips = new Set(refs?.values())
  for (const { id, reason } of await findMissing(reader, tips, isWhole)) {
    if (tips.has(id) || loose.has(id)) continue // it is told already
    const message = `the refs need an object that cannot be read: ${reason}`
    tell({ code: 'git-damaged', weight: 'damage', message, path: dataset.directory, mend })
  }
}

/** Whoever tidied it away meanwhile had no need of it. */
function ifGone(error: unknown): true {
  if (!isStoreError(error, 'missing')) throw error
  return true
}

/** Where we keep the refs, that git sees the newest. */
async function checkViews(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const state = await new RefLog(dataset).newest(call)
  if (state.generation === 0) return checkGitsViews(dataset, tell, call)
  const own: string[] = []
  for (const name of state.aliases) {
    const owner = await readAlias(dataset.store, name, call).catch(ifTorn)
    if (owner === 'torn') continue // what concerns no single dataset tells it
    if (owner === dataset.directory) own.push(name)
    else if (owner === undefined) {
      if ((await readAliasLink(dataset.store, name, call)) !== undefined) own.push(name)
      else {
        const message = `the alias ~${name}, which the dataset counts as its own, is not there`
        const mend = `riastore repair STORE ${dataset.name}`
        tell({ code: 'views', weight: 'warning', message, path: aliasDirectory(name), mend })
      }
    } else {
      const message = `the dataset counts the alias ~${name} as its own, and it names ${owner.replace('/', '')}`
      const mend = `riastore repair STORE ${dataset.name}`
      tell({ code: 'alias-double', weight: 'warning', message, path: aliasDirectory(name), mend })
    }
  }
  for (const place of [dataset.directory, ...own.map(aliasDirectory)]) {
    if (await areViewsTrue(dataset.at(place), state, call)) continue
    const message = 'who reads it without riastore does not see what was pushed last'
    tell({ code: 'views', weight: 'warning', message, path: place, mend: `riastore repair STORE ${dataset.name}` })
  }
}

function ifTorn(error: unknown): 'torn' {
  if (!isStoreError(error, 'corrupt')) throw error
  return 'torn'
}

/**
 * Where git keeps the refs: what a web server's clients read, if it was ever written, as `git
 * update-server-info` does after each push.
 */
async function checkGitsViews(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const shown = await readText(dataset.store, dataset.path('info/refs'), call)
  if (shown === undefined) return
  const { refs } = await readRefs(dataset, call)
  const lines = shown.split('\n').filter((line) => line !== '' && !line.endsWith('^{}'))
  const told = new Map(lines.map((line) => line.split('\t')).map(([id = '', name = '']) => [name, id]))
  const areRefsTrue = told.size === refs.size && [...refs].every(([name, id]) => told.get(name) === id)
  const packs = ((await readText(dataset.store, dataset.path('objects/info/packs'), call)) ?? '')
    .split('\n')
    .flatMap((line) => (line.startsWith('P ') ? [line.slice(2)] : []))
  const there: string[] = []
  for await (const { path, file } of dataset.store.children(dataset.path('objects/pack'), call)) {
    if (file !== undefined && path.endsWith('.pack')) there.push(path.slice(path.lastIndexOf('/') + 1))
  }
  if (areRefsTrue && packs.sort().join() === there.sort().join()) return
  const message = 'who reads it over HTTP does not see what was pushed last'
  const mend = `riastore repair STORE ${dataset.name}`
  tell({ code: 'views', weight: 'warning', message, path: dataset.path('info/refs'), mend })
}

async function checkConfig(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const text = (await dataset.findSmall('config', 1024 * 1024, call))?.toString() ?? ''
  const path = dataset.path('config')
  const [, uuid] = /^\[annex\]\s*(?:\n(?!\[).*)*?\n\s*uuid\s*=\s*(\S+)/im.exec(text) ?? []
  if (uuid !== undefined) {
    const message = `git-annex was run in the repository, which now counts as a copy of its own (${uuid})`
    const mend = `riastore repair STORE ${dataset.name}, and git annex dead ${uuid} in a clone`
    tell({ code: 'foreign-annex', weight: 'warning', message, path, mend })
  }
  const [, bare] = /^\s*bare\s*=\s*(\S+)/im.exec(text) ?? []
  if (bare !== undefined && toBoolean(bare) === false) {
    const message = 'git takes it for no bare repository'
    tell({
      code: 'layout',
      weight: 'warning',
      message,
      path,
      mend: `git config --file ${dataset.where(path)} core.bare true`,
    })
  }
}

async function checkLocks(dataset: StoredDataset, tell: Tell, call: CallOptions): Promise<void> {
  const files = async function* () {
    for await (const { file } of dataset.store.children(dataset.directory, call)) if (file !== undefined) yield file
    yield* dataset.store.list(dataset.path('refs'), call)
  }
  for await (const { path, mtimeMs } of files()) {
    if (!path.endsWith('.lock') || mtimeMs === undefined || Date.now() - mtimeMs < OLD_LOCK_MS) continue
    const message = 'a git that was killed left its lock: pushes fail'
    const mend = `riastore repair STORE ${dataset.name} keeps it in quarantine/ once it is a day old`
    tell({ code: 'lock', weight: 'warning', message, path, sinceMs: mtimeMs, mend })
  }
}
