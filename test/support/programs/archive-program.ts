import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { listTree, type RiaDatasetFiles } from '../repos/ria-store.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { runInProcess } from './in-process.ts'
import { projectDirectory, writeWrapper } from './programs.ts'
import { explain, type Result, type Running, type RunOptions, run, start } from './run.ts'

/** The built program `riastore`, as an administrator runs it. */
export interface ArchiveProgram {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
  /** Runs it to its end, whatever that is. */
  run(args: readonly string[], options?: RunOptions): Promise<Result>
  /** Runs it; fails unless it ends with 0 and says nothing on stderr. Gives what it printed. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>
  /** The same with --json: its objects, but for those that every command prints. */
  json(args: readonly string[], options?: RunOptions): Promise<Record<string, unknown>[]>
  start(args: readonly string[], options?: RunOptions): Running
}

/**
 * Puts `riastore` beside our other programs of the workspace, with the packages that npm would
 * install with it. `inProcess`: what is run to its end is run in the process of the test, for tests
 * that are not about the program as it is built.
 */
export async function installArchiveProgram(
  workspace: Workspace,
  { inProcess = false }: { inProcess?: boolean } = {},
): Promise<ArchiveProgram> {
  const programs = workspace.path('programs')
  await symlink(join(projectDirectory, 'node_modules'), join(programs, 'package/node_modules'))
  await writeWrapper(programs, 'riastore', [process.execPath, join(programs, 'package/dist/riastore.js')])
  const path = join(programs, 'riastore')
  const all = (options: RunOptions = {}) => ({ env: workspace.env, cwd: workspace.directory, ...options })
  const built = join(programs, 'package/dist/riastore.js')
  const toItsEnd = (args: readonly string[], options?: RunOptions) =>
    inProcess ? runInProcess(built, args, all(options)) : run(path, args, all(options))
  const ok = async (args: readonly string[], options?: RunOptions) => {
    // What takes more than half a minute, on a busy machine, would tell how far it is.
    const result = await toItsEnd([...args, '--no-progress'], options)
    expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
    return result.stdout
  }
  return {
    path,
    env: workspace.env,
    run: toItsEnd,
    ok,
    json: async (args, options) => {
      const objects = linesOfJson(await ok([...args, '--json'], options))
      return objects.filter(({ type }) => !['summary', 'progress', 'note'].includes(String(type)))
    },
    start: (args, options) => start(path, args, all(options)),
  }
}

/** Each line of a text as the object that it has to be. */
export function linesOfJson(text: string): Record<string, unknown>[] {
  expect(text.endsWith('\n') || text === '').toBe(true)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** Content by key. */
export type Keys = Map<string, Buffer>

/**
 * Random keys with their checksums in their names, of 0 to `bytes` bytes; and some without, whose
 * names have to be escaped.
 */
export function makeKeys(count: number, bytes = 5_000): Keys {
  const keys: Keys = new Map()
  for (let i = 0; i < count; i++) {
    // So few bytes that two keys could be the same are not taken, but for the empty one.
    const content = randomBytes(i === 0 ? 0 : Math.max(8, Math.floor((bytes * i) / count)))
    keys.set(`MD5E-s${content.length}--${createHash('md5').update(content).digest('hex')}.tar.gz`, content)
  }
  return keys
}

/** Keys whose names hold what git-annex escapes in file names. */
export function makeOddKeys(): Keys {
  return new Map(
    [
      'URL-s17--http://example.com/a&b/c%20d:80;x=1&y=%25',
      'URL--https://example.com/%',
      'WORM-s17-m1700000000--a&b%c:d/e–ü.txt',
      'WORM-s17-m1700000001--&c&s&a',
    ].map((key) => [key, randomBytes(17)]),
  )
}

/** Puts keys into a dataset as files, where ORA would have put them. */
export async function putKeys(dataset: RiaDatasetFiles, keys: Keys, version: '1' | '2' = '2'): Promise<void> {
  for (const [key, content] of keys) {
    const file = join(dataset.path, 'annex/objects', placesOf(key, version)[0] ?? '')
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content, { mode: 0o444 })
  }
}

/**
 * Every file and directory of a dataset that belongs to its keys, with mode and content; to see
 * that nothing changed.
 */
export async function stateOf(dataset: RiaDatasetFiles) {
  const trees = ['annex/objects', 'archives'].map(async (directory) =>
    (await listTree(join(dataset.path, directory))).map(({ path, kind, size, mode, mtimeMs }) => [
      `${directory}/${path}`,
      kind,
      size,
      mode,
      kind === 'file' ? mtimeMs : 0,
    ]),
  )
  return (await Promise.all(trees)).flat()
}

/** What lies in a dataset's archives/, sorted: no lock, no temporary file, no tombstone. */
export async function archivesOf(dataset: RiaDatasetFiles): Promise<string[]> {
  return (await readdir(join(dataset.path, 'archives'))).sort()
}

/** `find annex/objects archives | wc -l`, less the two directories themselves. */
export async function inodesOf(dataset: RiaDatasetFiles): Promise<number> {
  const trees = ['annex/objects', 'archives'].map((directory) => listTree(join(dataset.path, directory)))
  return (await Promise.all(trees)).flat().length
}
