import { setTimeout as sleep } from 'node:timers/promises'
import { oneLine, StoreError } from '../../core/errors.ts'
import { inTurn } from '../../core/process/turn.ts'
import { ANNEX_BRANCH } from '../records/read-logs.ts'
import type { CloneGit } from './clone-git.ts'
import { type Joined, join } from './join.ts'
import type { Target } from './target.ts'

/**
 * Each time that a race is lost somebody else has won it: a hundred who begin at once get through.
 */
const MAX_RACES = 200

/**
 * So often in a row it may fail though nobody else has pushed: a server that is too busy, a lock.
 */
const MAX_FAILURES = 6

/** After a lost race a random time goes by: up to so long at first, twice as long each time. ms. */
const WAIT_MS = { least: 500, most: 300_000 } as const

export interface Published extends Joined {
  /** Races that were lost to others who pushed. */
  readonly races: number
}

/**
 * Brings our commits and the git-annex branch to a remote: both at once, or neither. What others
 * pushed meanwhile is joined with ours first. Throws StoreError: `conflict` that names what both
 * have changed; `unreachable`; and why the remote does not take it.
 */
export async function publish(git: CloneGit, target: Target, ours: string, signal?: AbortSignal): Promise<Published> {
  const url = await git.line('remote', 'get-url', '--push', target.remote)
  const name = `push ${target.branch} ${url}`
  return inTurn(name, () => publishNow(git, target, ours, signal), { signal })
}

/** The same, whoever else of this machine is at it. */
async function publishNow(git: CloneGit, target: Target, ours: string, signal?: AbortSignal): Promise<Published> {
  let [races, failures, waitMs] = [0, 0, WAIT_MS.least as number]
  let before: string | undefined
  for (;;) {
    const begun = performance.now()
    const reason = await tryOnce(git, target, ours)
    if (typeof reason !== 'string') return { ...reason, races }
    const seen = await seenThere(git, target)
    const isRace = before !== undefined && seen !== before
    before = seen
    if (isRace) races += 1
    failures = isRace ? 0 : failures + 1
    if (failures > MAX_FAILURES || races > MAX_RACES) throw failure(git, target, reason, races)
    // A try takes longer the more there are who try.
    waitMs = Math.min(WAIT_MS.most, Math.max(waitMs * 2, performance.now() - begun))
    await sleep(Math.random() * waitMs, undefined, { signal })
  }
}

/** Resolves with what was pushed, or why it was not. */
async function tryOnce(git: CloneGit, target: Target, ours: string): Promise<Joined | string> {
  const { remote, branch, seen } = target
  const fetched = await git.run(
    ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', remote, `+refs/heads/*:refs/remotes/${remote}/*`],
    [0, 1, 128],
  )
  if (fetched.code !== 0) return fetched.said || 'git fetch failed'
  const theirs = await git.find(seen)
  const joined = await join(git, ours, theirs)
  const annex = await joinAnnex(git, target)
  const updates = [
    ...(joined.commit === theirs ? [] : [`${joined.commit}:${branch}`]),
    ...(annex ? [`${ANNEX_BRANCH}:${ANNEX_BRANCH}`] : []),
  ]
  if (updates.length === 0) return joined
  const pushed = await git.run(
    ['push', '--porcelain', '--atomic', '--recurse-submodules=no', remote, ...updates],
    [0, 1, 128],
  )
  return pushed.code === 0 ? joined : whyRefused(pushed)
}

/**
 * Has git-annex merge the branch that was fetched into its own. False: there is nothing to push.
 */
async function joinAnnex(git: CloneGit, { seenAnnex }: Target): Promise<boolean> {
  const theirs = await git.find(seenAnnex)
  // Whatever asks for its records merges them.
  if (theirs !== undefined && !(await git.isAncestor(theirs, ANNEX_BRANCH)))
    await git.run(['annex', 'numcopies'], [0, 1])
  return theirs === undefined || !(await git.isAncestor(ANNEX_BRANCH, theirs))
}

async function seenThere(git: CloneGit, { seen, seenAnnex }: Target): Promise<string> {
  return `${await git.find(seen)} ${await git.find(seenAnnex)}`
}

/**
 * `!\t<from>:<to>\t[rejected] (fetch first)` is what git prints of each ref that was not pushed.
 */
function whyRefused({ text, said }: { readonly text: string; readonly said: string }): string {
  const lines = text.split('\n').filter((line) => line.startsWith('!'))
  return lines.map((line) => line.split('\t').slice(1).join(' ')).join('; ') || said || 'git push failed'
}

const NO_ANSWER =
  /could not read from remote|unable to access|could not resolve|connection (refused|timed out|reset|closed)/i

function failure(git: CloneGit, { remote }: Target, reason: string, races: number): StoreError {
  const kind = NO_ANSWER.test(reason) ? 'unreachable' : 'conflict'
  const lost = races > 0 ? ` (others pushed ${races} times meanwhile)` : ''
  return new StoreError({
    kind,
    op: 'push',
    where: `${git.directory} to ${remote}`,
    message: `${oneLine(reason)}${lost}`,
  })
}
