import { join } from 'node:path'
import { isStoreError, StoreError } from '../core/errors.ts'
import { inTemporaryDirectory } from '../core/work-directory.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, ExecResult } from '../store/store.ts'
import { gitThere, hasGit } from './git-there.ts'
import { git, isAncestor, isConnected, ownObjects } from './objects/git.ts'
import { hasAllOf, hasOnlyRecords, type OwnRecord } from './objects/has-all.ts'
import { addHistory } from './objects/history.ts'
import { withLoosePacked } from './objects/loose-objects.ts'
import { uploadPack } from './objects/pack-files.ts'
import { newRepository } from './objects/scratch-repository.ts'
import { nextState, type RefUpdate } from './push-rules.ts'
import { EMPTY_STATE, type RefState } from './refs/ref-state.ts'
import { StoredRepository } from './repository.ts'

export interface CopyRefsOptions extends CallOptions {
  /** Also where the copy has gone another way: what only the copy had is lost to its refs. */
  readonly force?: boolean | undefined
  readonly dryRun?: boolean | undefined
  /**
   * The original goes when the copy has all of it: a ref of the copy that is ahead stays so, and is
   * not refused, and one that has only records of ours besides is moved. Whoever asks for that
   * makes these records again.
   */
  readonly madeAgain?: OwnRecord | undefined
  /** Called before refs are made or moved. */
  readonly beforeChange?: (() => Promise<void>) | undefined
}

export interface CopiedRefs {
  /** Refs that were made or moved. */
  readonly changed: readonly string[]
  /** Refs that were left as they are, since the copy has commits that the original has not. */
  readonly refused: readonly string[]
}

/** git gives this for a ref that is not there. */
const NO_OBJECT = '0'.repeat(40)

/** So often somebody may push to the copy meanwhile. */
const TRIES = 3

/**
 * The refs of a repository, whoever wrote it and wherever it lies; none where there is no
 * repository yet.
 */
export async function stateOf(dataset: StoredDataset, call: CallOptions): Promise<RefState> {
  try {
    return await repositoryOf(dataset).state(call)
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
    return EMPTY_STATE
  }
}

/**
 * Brings the refs of a copy to where they were in `state`, a state of `from`, with all objects that
 * they need. Each ref moves only if it is still what it was when it was judged: by git's own
 * transaction, or by the next generation of the ref log. Refs that only the copy has stay.
 */
export async function copyRefs(
  from: StoredDataset,
  state: RefState,
  to: StoredDataset,
  options: CopyRefsOptions = {},
): Promise<CopiedRefs> {
  const { force = false, dryRun = false, madeAgain, beforeChange, ...call } = options
  for (let tries = 1; ; tries++) {
    const there = await stateOf(to, call)
    const differing = [...state.refs].filter(([name, id]) => there.refs.get(name) !== id)
    if (differing.length === 0) return { changed: [], refused: [] }
    if (dryRun) return { changed: differing.map(([name]) => name), refused: [] }
    const done = await inTemporaryDirectory(async (work) => {
      const gitDir = await downloadHistory(from, state, work, call)
      const updates: RefUpdate[] = []
      const refused: string[] = []
      for (const [name, id] of differing) {
        const old = there.refs.get(name)
        if (force || old === undefined || (await isAhead(gitDir, name, old, id))) updates.push({ name, to: id, force })
        else refused.push(name)
      }
      if (madeAgain !== undefined && refused.length > 0) {
        await addHistory(to, there, work, gitDir, call)
        for (const name of refused.splice(0)) {
          const [id = '', old = ''] = [state.refs.get(name), there.refs.get(name)]
          if (await hasAllOf(name, old, id, gitDir)) continue
          if (await hasOnlyRecords(old, id, madeAgain, gitDir)) updates.push({ name, to: id, force: true })
          else refused.push(name)
        }
      }
      const changed = updates.map(({ name }) => name)
      if (updates.length === 0) return { changed, refused }
      await beforeChange?.()
      return (await putRefs(work, gitDir, to, there, state, updates, call)) ? { changed, refused } : undefined
    })
    if (done !== undefined) return done
    if (tries === TRIES)
      throw to.error('conflict', 'git', `others pushed to the copy ${TRIES} times meanwhile: try again`)
  }
}

/**
 * Sees to it that those who read a repository over HTTP see its refs as they are: whoever moved
 * them last may have been killed before that was written.
 */
export async function showNewest(dataset: StoredDataset, call: CallOptions): Promise<void> {
  const repository = repositoryOf(dataset)
  const state = await repository.state(call)
  if (state.generation > 0) await repository.mendViews(state, call)
  else if (state.refs.size > 0 && (await hasGit(dataset, call))) {
    await gitThere(dataset, ['update-server-info'], '', call)
  }
}

function repositoryOf(dataset: StoredDataset): StoredRepository {
  return new StoredRepository(dataset, { gitDir: undefined, shows: false })
}

/** All objects of a state, in a repository of our own, in which nothing of the original's runs. */
export async function downloadHistory(
  from: StoredDataset,
  state: RefState,
  work: string,
  call: CallOptions,
): Promise<string> {
  const gitDir = await newRepository(work, 'from.git', call.signal)
  await addHistory(from, state, work, gitDir, call)
  if (!(await isConnected([...new Set(state.refs.values())], gitDir))) {
    throw from.error('corrupt', 'git', 'its packs lack objects that its refs need: riastore check tells more')
  }
  return gitDir
}

/** Whether moving a ref loses nothing. A tag that is there is never moved by itself. */
async function isAhead(gitDir: string, name: string, old: string, id: string): Promise<boolean> {
  return !name.startsWith('refs/tags/') && (await isAncestor(old, id, gitDir))
}

/** False when a ref was moved by somebody else. */
export async function putRefs(
  work: string,
  gitDir: string,
  to: StoredDataset,
  there: RefState,
  state: RefState,
  updates: readonly RefUpdate[],
  call: CallOptions,
): Promise<boolean> {
  const { signal } = call
  const wanted = updates.flatMap(({ to: id }) => (id === undefined ? [] : [id]))
  const known = await ownObjects(there.refs.values(), gitDir)
  const input = [...wanted, '--not', ...known].map((line) => `${line}\n`).join('')
  const pack = (args: readonly string[]) =>
    git(['pack-objects', '--revs', '--non-empty', '--delta-base-offset', '-q', ...args, join(work, 'pack')], {
      input,
      gitDir,
      signal,
    })
  const isGits = there.generation === 0 && (await hasGit(to, call))
  if (isGits) {
    await uploadPack(to, work, there.packs, pack, call)
    return moveGitsRefs(to, there, state, updates, call)
  }
  const packed = await withLoosePacked(to, there, call)
  const name = await uploadPack(to, work, packed.packs, pack, call)
  const tags = new Map([...state.peeled].flatMap(([ref, target]) => [[state.refs.get(ref) ?? '', target] as const]))
  const next = nextState(packed, updates, tags, name, state.head)
  return (await repositoryOf(to).replaceWith(call)(there, next)) === undefined
}

/** git itself looks whether all is there, and moves all refs or none. */
async function moveGitsRefs(
  to: StoredDataset,
  there: RefState,
  state: RefState,
  updates: readonly RefUpdate[],
  call: CallOptions,
): Promise<boolean> {
  const ids = updates.map(({ to: id = '' }) => `${id}\n`).join('')
  const looked = await gitThere(to, ['rev-list', '--objects', '--quiet', '--stdin', '--not', '--all'], ids, call)
  if (looked.code !== 0) throw failed(to, 'rev-list', looked)
  // Before the refs: when they are there, the next run has nothing to do.
  if (state.head !== undefined && !there.refs.has(there.head ?? '')) {
    await gitThere(to, ['symbolic-ref', 'HEAD', state.head], '', call)
  }
  const commands = updates.map(({ name, to: id = '' }) => `update ${name} ${id} ${there.refs.get(name) ?? NO_OBJECT}\n`)
  const moved = await gitThere(to, ['update-ref', '--no-deref', '--stdin'], commands.join(''), call)
  if (moved.code !== 0) {
    const now = await stateOf(to, call)
    const isSame = updates.every(({ name }) => now.refs.get(name) === there.refs.get(name))
    if (isSame) throw failed(to, 'update-ref', moved)
    return false
  }
  await gitThere(to, ['update-server-info'], '', call)
  return true
}

function failed(to: StoredDataset, what: string, { stderr }: ExecResult): StoreError {
  const said = stderr.trim().split('\n').at(-1) ?? ''
  return new StoreError({ kind: 'corrupt', op: `git ${what}`, where: to.where(), message: said || 'git failed' })
}
