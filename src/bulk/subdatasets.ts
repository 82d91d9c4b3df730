import { existsSync, lstatSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { decode, toFsPath } from '../core/text.ts'
import { type Clone, openClone } from './clone/clone.ts'
import { splitAt, startProgram } from './clone/programs.ts'
import type { Selection } from './wanted.ts'

/**
 * The repositories below some paths of a clone that are installed in it, absolute: those that git's
 * index has as submodules, and theirs.
 */
async function* installedBelow(
  { directory, isBare }: Clone,
  paths: readonly string[],
  cwd: string,
  signal?: AbortSignal,
): AsyncGenerator<string, void, void> {
  if (isBare) return
  const args = ['ls-files', '--stage', '-z', '--full-name', '--', ...paths]
  for (const path of await submodules(args, directory, cwd, signal)) {
    yield path
    yield* below(path, signal)
  }
}

async function* below(top: string, signal: AbortSignal | undefined): AsyncGenerator<string, void, void> {
  for (const path of await submodules(['ls-files', '--stage', '-z'], top, top, signal)) {
    yield path
    yield* below(path, signal)
  }
}

const GITLINK = '160000 '

/**
 * Those that `git ls-files` names and that are there. A link in their place is none: it may lead
 * anywhere.
 */
async function submodules(
  args: readonly string[],
  top: string,
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const found: string[] = []
  const listing = startProgram('git', args, { cwd, signal })
  for await (const bytes of splitAt(listing.stdout, 0)) {
    if (bytes.toString('latin1', 0, GITLINK.length) !== GITLINK) continue
    const path = join(top, decode(bytes.subarray(bytes.indexOf(9) + 1)))
    if (isPlainDirectory(path) && existsSync(toFsPath(join(path, '.git')))) found.push(path)
  }
  await listing.ended
  return found
}

function isPlainDirectory(path: string): boolean {
  return lstatSync(toFsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** A clone, and what of it is meant. */
export interface SelectedClone {
  readonly clone: Clone
  readonly selection: Selection
}

/**
 * The clones that a selection is about: that of the current directory, those of subdatasets in
 * which a path lies, and with `recursive` all that are installed below. Throws ConfigError when
 * one is none.
 */
export async function* selectedClones(
  selection: Selection,
  recursive: boolean,
  signal?: AbortSignal,
): AsyncGenerator<SelectedClone, void, void> {
  const seen = new Set<string>()
  for (const [cwd, paths] of byRepository(selection.paths, selection.cwd)) {
    const clone = await openClone(cwd)
    seen.add(clone.directory)
    yield { clone, selection: { ...selection, cwd, paths } }
    if (!recursive) continue
    for await (const path of installedBelow(clone, selection.all ? [] : paths, cwd, signal)) {
      const below = await openClone(path)
      if (seen.has(below.directory)) continue
      seen.add(below.directory)
      yield { clone: below, selection: { ...selection, cwd: path, paths: [] } }
    }
  }
}

/**
 * Paths by the directory to work in: the current one, or the top of the subdataset that they are
 * in.
 */
function byRepository(paths: readonly string[], cwd: string): ReadonlyMap<string, readonly string[]> {
  const here = topOf(cwd)
  const found = new Map<string, string[]>()
  for (const path of paths) {
    const top = topOf(resolve(cwd, path))
    const directory = top === undefined || top === here || !top.startsWith(`${here}/`) ? cwd : top
    const named = directory === cwd ? path : resolve(cwd, path)
    found.set(directory, [...(found.get(directory) ?? []), named])
  }
  return found.size > 0 ? found : new Map([[cwd, []]])
}

/** The nearest directory at or above a path that has a `.git`. */
function topOf(path: string): string | undefined {
  for (let directory = path; ; directory = dirname(directory)) {
    if (existsSync(toFsPath(join(directory, '.git')))) return directory
    if (directory === dirname(directory)) return undefined
  }
}
