import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, lstat, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import { inTemporaryDirectory } from '../../core/work-directory.ts'
import type { Dataset } from '../dataset.ts'

const CONFIG = '.datalad/config'

/** What git leaves while something is half-done; a commit of ours would end it in a wrong way. */
const UNDER_WAY = {
  MERGE_HEAD: 'a merge',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
} as const

/** Throws ConfigError where nothing can be committed now. */
export function checkMayCommit(dataset: Dataset): void {
  for (const [name, what] of Object.entries(UNDER_WAY)) {
    if (existsSync(join(dataset.gitDir, name))) {
      throw new ConfigError(`${dataset.path}: ${what} is under way: finish it first, for something is to be committed`)
    }
  }
}

/**
 * Sets values in the dataset's .datalad/config, by key, and commits that alone: what else is
 * changed or staged, in that file too, stays so. Returns whether a commit was made: none is where
 * all is set already, and in a repository that DataLad did not make.
 */
export async function commitSettings(
  dataset: Dataset,
  settings: Readonly<Record<string, string>>,
  message: string,
): Promise<boolean> {
  const committed = await committedFile(dataset)
  if (committed === undefined) return false
  return inTemporaryDirectory(async (scratch) => {
    const change = (content: Buffer) => withSettings(dataset, content, settings, join(scratch, 'config'))
    const content = await change(committed.content)
    const isNew = !content.equals(committed.content)
    if (isNew) await commit(dataset, { ...committed, content }, message, join(scratch, 'index'))
    const staged = await changeStaged(dataset, change)
    const written = await changeWritten(dataset, change)
    // Without it the plumbing that DataLad asks takes the file for changed.
    if (staged || written) {
      await dataset.git(['add', '--refresh', '--', `:(top)${CONFIG}`], { ...TO_ITS_END, mayEndWith: [1, 128] })
    }
    return isNew
  })
}

interface CommittedFile {
  readonly mode: string
  readonly content: Buffer
}

async function committedFile(dataset: Dataset): Promise<CommittedFile | undefined> {
  const entry = await dataset.git(['ls-tree', 'HEAD', '--full-tree', CONFIG], { mayEndWith: [128] })
  const [, mode, kind, blob] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(decode(entry.stdout)) ?? []
  if (mode === undefined || blob === undefined) return undefined
  if (kind !== 'blob' || mode === '120000') throw new ConfigError(`${dataset.path}: ${CONFIG} is no plain file`)
  return { mode, content: (await dataset.git(['cat-file', 'blob', blob])).stdout }
}

type Change = (content: Buffer) => Promise<Buffer>

/**
 * Not ended by a signal: git, killed at the wrong moment, leaves the lock of its index or branch.
 */
const TO_ITS_END = { signal: undefined }

async function withSettings(
  dataset: Dataset,
  content: Buffer,
  settings: Readonly<Record<string, string>>,
  file: string,
): Promise<Buffer> {
  await writeFile(file, content)
  for (const [key, value] of Object.entries(settings)) {
    const args = ['config', '--file', file]
    const { stdout } = await dataset.git([...args, '-z', '--get-all', key], { mayEndWith: [1] })
    if (decode(stdout) !== `${value}\0`) await dataset.git([...args, '--replace-all', key, value])
  }
  return readFile(file)
}

/** With an index of its own: what the user staged is not in it. */
async function commit(
  dataset: Dataset,
  { mode, content }: CommittedFile,
  message: string,
  index: string,
): Promise<void> {
  const env = { GIT_INDEX_FILE: index }
  // What git knows of the files' times comes along: without it git would read them all, through
  // git-annex's filter.
  const own = join(dataset.gitDir, 'index')
  if (existsSync(own)) await copyFile(own, index)
  await dataset.git(['read-tree', '--reset', 'HEAD'], { env })
  await dataset.git(['update-index', '--cacheinfo', `${mode},${await newBlob(dataset, content)},${CONFIG}`], { env })
  await dataset.git(['commit', '-q', '-m', message], { ...TO_ITS_END, env })
}

async function newBlob(dataset: Dataset, content: Buffer): Promise<string> {
  const { stdout } = await dataset.git(['hash-object', '-w', '--no-filters', '--stdin'], { input: content })
  return decode(stdout).trim()
}

async function changeStaged(dataset: Dataset, change: Change): Promise<boolean> {
  const { stdout } = await dataset.git(['ls-files', '-t', '--stage', '--', `:(top)${CONFIG}`])
  const [, tag, mode, blob, stage] = /^(\S) (\d+) ([0-9a-f]+) (\d)\t/.exec(decode(stdout)) ?? []
  if (mode === undefined || blob === undefined || stage !== '0') return false // removed, or in a conflict: the user's
  const before = (await dataset.git(['cat-file', 'blob', blob])).stdout
  const after = await change(before)
  if (after.equals(before)) return false
  const entry = `${mode},${await newBlob(dataset, after)},${CONFIG}`
  await dataset.git(['update-index', '--cacheinfo', entry], TO_ITS_END)
  // Left out by a sparse checkout: it stays so.
  if (tag === 'S') await dataset.git(['update-index', '--skip-worktree', CONFIG], TO_ITS_END)
  return true
}

async function changeWritten(dataset: Dataset, change: Change): Promise<boolean> {
  const file = join(dataset.path, CONFIG)
  if (!existsSync(file)) return false // a sparse checkout, say
  const { mode } = await lstat(file)
  const before = await readFile(file)
  const after = await change(before)
  if (after.equals(before)) return false
  const temporary = join(dataset.path, '.datalad', `.config.${randomUUID()}`)
  try {
    await writeFile(temporary, after)
    await chmod(temporary, mode & 0o777)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return true
}
