import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { decode } from '../core/text.ts'
import type { Dataset, DatasetCall } from './dataset.ts'
import { runProgram } from './program.ts'
import { subdatasetPaths } from './subdataset-paths.ts'

/**
 * Throws ConfigError, which names both, where two datasets have one id: in a store they would be
 * one.
 */
export function requireDifferentIds(datasets: Iterable<Pick<Dataset, 'path' | 'id'>>): void {
  const known = new Map<string, string>()
  for (const { path, id } of datasets) {
    if (id === undefined) continue
    const other = known.get(id)
    if (other !== undefined) throw sameId(other, path, id)
    known.set(id, path)
  }
}

/**
 * The same for a dataset and all that it is in, or that is in it: the superdatasets that have it
 * registered, and the subdatasets that are there. One `datalad push -r` would serve both. Throws
 * ConfigError.
 */
export async function requireOwnId({ path, id }: Pick<Dataset, 'path' | 'id'>, call: DatasetCall): Promise<void> {
  if (id === undefined) return
  let below = path
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) {
    if (!existsSync(join(above, '.git'))) continue
    if (!(await isRegistered(above, below, call))) break
    if ((await idOf(above, id, call)) === id) throw sameId(above, path, id)
    below = above
  }
  for await (const subdataset of installedBelow(path, call)) {
    if ((await idOf(subdataset, id, call)) === id) throw sameId(path, subdataset, id)
  }
}

function sameId(one: string, other: string, id: string): ConfigError {
  return new ConfigError(
    `${one} and ${other} have the same dataset id, ${id}: a store would put both into one repository. One of them is a copy: give it an id of its own, or remove it`,
  )
}

async function isRegistered(above: string, below: string, { signal }: DatasetCall): Promise<boolean> {
  const args = ['git', 'ls-files', '--stage', '--', `:(literal)${relative(above, below)}`]
  const { stdout } = await runProgram('git ls-files', args, { signal, cwd: above, mayEndWith: [128] })
  return decode(stdout).startsWith('160000 ')
}

async function* installedBelow(path: string, call: DatasetCall): AsyncGenerator<string> {
  for (const subdataset of (await subdatasetPaths(path, call)).paths) {
    yield subdataset
    yield* installedBelow(subdataset, call)
  }
}

/** git is asked only where the file has the id that is looked for somewhere. */
async function idOf(path: string, wanted: string, { signal }: DatasetCall): Promise<string | undefined> {
  const file = join(path, '.datalad', 'config')
  const text = await readFile(file, 'utf8').catch(() => '')
  if (!text.includes(wanted)) return undefined
  const args = ['git', 'config', '--file', file, '--no-includes', '--get', 'datalad.dataset.id']
  const { stdout } = await runProgram('git config', args, { signal, mayEndWith: [1, 3, 128] })
  return decode(stdout).trim() || undefined
}
