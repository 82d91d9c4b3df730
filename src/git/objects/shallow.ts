import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import { inWorkDirectory } from '../../core/work-directory.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { RefState } from '../refs/ref-state.ts'
import { git, ownObjects } from './git.ts'
import { addLoose } from './loose-objects.ts'
import { addPacks, newRepository } from './scratch-repository.ts'

/** What git calls all of the history. */
export const WHOLE_DEPTH = 0x7fffffff

/** The commits without whose parents a repository does. */
export async function readShallow(): Promise<ReadonlySet<string>> {
  try {
    return new Set((await readFile(await shallowFile(), 'utf8')).split('\n').filter(Boolean))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return new Set()
  }
}

/**
 * Gets no more of the history than `depth` commits from each wanted object. All packs are
 * downloaded, for no server is there to choose; what is kept is only that, and the repository is
 * marked as shallow.
 */
export async function fetchShallow(
  dataset: StoredDataset,
  gitDir: string,
  state: RefState,
  wanted: readonly string[],
  depth: number,
  call: CallOptions = {},
): Promise<void> {
  await inWorkDirectory(join(gitDir, 'riastore'), async (work) => {
    const from = await newRepository(work, 'from.git', call.signal)
    await addPacks(dataset, state.packs, work, from, call)
    await addLoose(dataset, state.loose, from, call)
    const { ends, inside } = await cutHistory(from, wanted, depth)
    const input = [...ends.map((id) => `--shallow ${id}`), ...wanted].map((line) => `${line}\n`).join('')
    const made = await git(['pack-objects', '--revs', '--delta-base-offset', '-q', join(work, 'pack')], {
      input,
      gitDir: from,
    })
    await git(['index-pack', '--stdin'], { input: { file: join(work, `pack-${made.stdout.trim()}.pack`) } })
    const old = [...(await readShallow())].filter((id) => !inside.has(id))
    await writeShallow(new Set([...old, ...ends]))
  })
}

/** Marks the repository as whole: all that it was cut off from is there. */
export async function endShallow(): Promise<void> {
  await writeShallow(new Set())
}

/**
 * Follows the history from some objects, and gives the commits where it is cut off, and all that
 * come before them.
 */
async function cutHistory(gitDir: string, wanted: readonly string[], depth: number) {
  const tips = await ownObjects(
    wanted.map((id) => `${id}^{commit}`),
    gitDir,
  )
  const { stdout } = await git(['rev-list', '--parents', '--stdin'], {
    input: tips.map((id) => `${id}\n`).join(''),
    gitDir,
  })
  const parents = new Map(
    stdout.split('\n').map((line) => {
      const [id = '', ...others] = line.split(' ')
      return [id, others] as const
    }),
  )
  const seen = new Set<string>()
  let level = new Set(tips)
  for (let at = 1; at < depth && level.size > 0; at++) {
    for (const id of level) seen.add(id)
    level = new Set([...level].flatMap((id) => parents.get(id) ?? []).filter((id) => !seen.has(id)))
  }
  return { ends: [...level].filter((id) => (parents.get(id)?.length ?? 0) > 0), inside: seen }
}

async function writeShallow(ids: ReadonlySet<string>): Promise<void> {
  const file = await shallowFile()
  const lock = `${file}.lock`
  await writeFile(lock, [...ids].map((id) => `${id}\n`).join(''), { flag: 'wx' })
  if (ids.size > 0) return rename(lock, file)
  await rm(file, { force: true })
  await rm(lock)
}

async function shallowFile(): Promise<string> {
  return (await git(['rev-parse', '--git-path', 'shallow'])).stdout.trim()
}
