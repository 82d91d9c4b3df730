import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, isAbsolute, join } from 'node:path'

/** A 7-Zip program that can be run. */
export interface SevenZip {
  /** Absolute path. */
  readonly path: string
  /** `7zz`, `7z`, `7za` or `7zr`. */
  readonly name: string
}

export interface FindOptions {
  /** Directories to look in, as in PATH. Default: PATH. */
  readonly path?: string | undefined
  /** Whether the program of the npm package 7zip-bin counts. Default true. */
  readonly bundled?: boolean | undefined
  /** Where an executable copy of that one may be kept. Default: `riastore` in the user's cache directory. */
  readonly cacheDirectory?: string | undefined
}

/** Full ones first: what some systems install as `7zr` knows few methods. */
const FULL = ['7zz', '7z', '7za']
const REDUCED = ['7zr']

const found = new Map<string, Promise<SevenZip | undefined>>()

/**
 * Looks for a 7-Zip program: `7zz`, `7z`, `7za` on PATH, then the one of 7zip-bin, then `7zr`. undefined when there is none. Remembered
 * for the life of the process.
 */
export function findSevenZip(options: FindOptions = {}): Promise<SevenZip | undefined> {
  const path = options.path ?? process.env.PATH ?? ''
  const key = JSON.stringify([path, options.bundled, options.cacheDirectory])
  let search = found.get(key)
  if (search === undefined) {
    search = look(path, options)
    found.set(key, search)
  }
  return search
}

/** What to do when there is none, for the end of a message. */
export const INSTALL_HINT = 'install 7-Zip (the package 7zip or p7zip-full)'

async function look(path: string, options: FindOptions): Promise<SevenZip | undefined> {
  const directories = path.split(delimiter).filter(isAbsolute)
  return (
    (await lookIn(directories, FULL)) ??
    (options.bundled === false ? undefined : await bundled(options.cacheDirectory ?? userCache())) ??
    (await lookIn(directories, REDUCED))
  )
}

async function lookIn(directories: readonly string[], names: readonly string[]): Promise<SevenZip | undefined> {
  const ending = process.platform === 'win32' ? '.exe' : ''
  for (const name of names) {
    for (const directory of directories) {
      const file = join(directory, name + ending)
      if (await isExecutable(file)) return { path: file, name }
    }
  }
  return undefined
}

/** The package may lie where the file may not be run, or without the right to run it; then a copy of our own is. */
async function bundled(cacheDirectory: string): Promise<SevenZip | undefined> {
  try {
    const { path7za } = await import('7zip-bin')
    if (!isAbsolute(path7za)) return undefined
    if (await isExecutable(path7za)) return { path: path7za, name: '7za' }
    return { path: await privateCopy(path7za, cacheDirectory), name: '7za' }
  } catch {
    return undefined // not installed, or nowhere to put it
  }
}

/** Nobody but the user may write there: what lies there is run. It is compared with the original each time. */
async function privateCopy(program: string, directory: string): Promise<string> {
  const content = await readFile(program)
  const digest = createHash('sha256').update(content).digest('hex')
  const copy = join(directory, `${basename(program)}-${digest.slice(0, 16)}`)
  const existing = await readFile(copy).catch(() => undefined)
  if (existing?.equals(content) && (await isExecutable(copy))) return copy
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const temporary = `${copy}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(temporary, content, { mode: 0o700, flag: 'wx' })
    await rename(temporary, copy)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return copy
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function userCache(): string {
  const configured = process.env.XDG_CACHE_HOME
  return join(configured && isAbsolute(configured) ? configured : join(homedir(), '.cache'), 'riastore')
}
