import { join } from 'node:path'
import type { CallOptions } from '../../store/store.ts'
import { GitError, git, isConnected, ownObjects } from '../objects/git.ts'
import type { RefState } from '../refs/ref-state.ts'
import { borrow, type Gathered } from './gather.ts'

/** Objects of another repository, which may be the ones that are missing. */
export interface OtherObjects {
  /** A repository on this machine, or its `.git`: what has `objects/`. */
  readonly gitDir: string
  /** It says of itself that it has not all of the history: a shallow or partial clone. */
  readonly isPartial: boolean
}

/** What can be done about a repository. */
export interface RepositoryPlan extends Gathered {
  /** Objects that refs need, which have to be brought there. */
  readonly missing: readonly string[]
  /** Refs of which something is nowhere. */
  readonly broken: ReadonlyMap<string, string>
}

/**
 * Finds out what refs need and is not whole there, and whether it can be had: from what else could
 * be read there, or from other repositories. Throws GitError.
 */
export async function planMend(
  gathered: Gathered,
  refs: RefState['refs'],
  others: readonly OtherObjects[],
  call: CallOptions,
): Promise<RepositoryPlan> {
  const { good, all } = gathered
  const ids = [...new Set(refs.values())]
  if (await isConnected(ids, good)) return { ...gathered, missing: [], broken: new Map() }
  await borrow(
    all,
    others.map(({ gitDir }) => gitDir),
  )
  // What others wrote to be quicker may be wrong, and git would believe it.
  for (const setting of ['core.commitGraph', 'core.multiPackIndex']) {
    await git(['config', setting, 'false'], { gitDir: all, ...call })
  }
  const had = new Set(await connectedIn(ids, all))
  const found = [...had]
  const needed = found.length === 0 ? [] : await objectsOf(found, all, call)
  const there = new Set(await ownObjects(needed, good))
  const broken = new Map([...refs].filter(([, id]) => !had.has(id)))
  return { ...gathered, missing: needed.filter((id) => !there.has(id)), broken }
}

/** Those of which all that they need is in a repository. */
async function connectedIn(ids: readonly string[], gitDir: string): Promise<readonly string[]> {
  if (await isConnected(ids, gitDir)) return ids
  const connected: string[] = []
  for (const id of ids) if (await isConnected([id], gitDir)) connected.push(id)
  return connected
}

async function objectsOf(ids: readonly string[], gitDir: string, call: CallOptions): Promise<readonly string[]> {
  const input = ids.map((id) => `${id}\n`).join('')
  const { stdout } = await git(['rev-list', '--objects', '--no-object-names', '--stdin'], { input, gitDir, ...call })
  return stdout.split('\n').filter((line) => line !== '')
}

/**
 * Packs what is missing, in `work`, and adds the pack to what is whole: git computes the id of each
 * object anew there, so that nothing else passes for it. Gives what packs it once more at another
 * level. Throws GitError unless all refs that are not broken are whole then.
 */
export async function packMissing(
  plan: RepositoryPlan,
  refs: RefState['refs'],
  work: string,
  args: readonly string[],
  call: CallOptions,
): Promise<{ readonly stdout: string }> {
  const { all, good, missing, broken } = plan
  const input = missing.map((id) => `${id}\n`).join('')
  const prefix = join(work, 'pack')
  const { stdout } = await git(['pack-objects', '--delta-base-offset', '-q', ...args, prefix], {
    input,
    gitDir: all,
    ...call,
  })
  const file = `${prefix}-${stdout.trim()}.pack`
  await git(['index-pack', '--stdin'], { input: { file }, gitDir: good, ...call })
  const whole = [...refs].filter(([name]) => !broken.has(name)).map(([, id]) => id)
  if (await isConnected([...new Set(whole)], good)) return { stdout }
  throw new GitError('what is to be put there is damaged where it comes from')
}
