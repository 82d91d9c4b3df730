import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, codeOf, messageOf } from '../../core/errors.ts'
import { DATALAD_PROCEDURES, type ProcedureDirectory } from './procedure-directories.ts'
import { isOurProcedure, type ProcedurePrograms, procedureScript } from './procedure-script.ts'
import type { WriteOptions } from './write.ts'

const EXECUTABLE = 0o755

export function procedureName(site: string): string {
  return `cfg_${site}`
}

/**
 * Throws ConfigError where the procedure of a site would take the place of one that is not ours.
 * Returns whether one of ours is there.
 */
export async function checkProcedurePlace(site: string, directory: string): Promise<'free' | 'ours'> {
  const name = procedureName(site)
  if (DATALAD_PROCEDURES.includes(name)) {
    throw new ConfigError(`DataLad itself has a procedure ${name}: give the site another name than ${site}`)
  }
  const file = join(directory, name)
  const text = await readIfThere(file)
  if (text === undefined) return 'free'
  if (isOurProcedure(text)) return 'ours'
  throw new ConfigError(`${file} is there, and not from riastore: remove it, or give the site another name`)
}

/**
 * Writes `cfg_<site>` into a directory in which DataLad looks. Returns its path, and whether
 * anything had to be changed.
 */
export async function installProcedure(
  site: string,
  directory: string,
  programs: ProcedurePrograms,
  { dryRun }: WriteOptions = {},
): Promise<{ readonly file: string; readonly changed: boolean }> {
  await checkProcedurePlace(site, directory)
  const file = join(directory, procedureName(site))
  const text = procedureScript(programs)
  if ((await readIfThere(file)) === text && ((await stat(file)).mode & EXECUTABLE) === EXECUTABLE) {
    return { file, changed: false }
  }
  if (dryRun) return { file, changed: true }
  // One that runs meanwhile is read on by its shell: it must not change under it.
  const temporary = join(directory, `.${procedureName(site)}.${randomUUID()}`)
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(temporary, text)
    await chmod(temporary, EXECUTABLE)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new ConfigError(`the procedure cannot be written: ${messageOf(error)}`)
  }
  return { file, changed: true }
}

/** Removes the procedure of a site where it is one of ours. Returns its path if it was there. */
export async function removeProcedure(
  site: string,
  directory: string,
  { dryRun }: WriteOptions = {},
): Promise<string | undefined> {
  const file = join(directory, procedureName(site))
  const text = await readIfThere(file)
  if (text === undefined || !isOurProcedure(text)) return undefined
  if (!dryRun) await rm(file)
  return file
}

/** The procedure that DataLad runs for a site: the first that it finds. */
export async function findProcedure(
  site: string,
  directories: readonly ProcedureDirectory[],
): Promise<{ readonly file: string; readonly isOurs: boolean; readonly isExecutable: boolean } | undefined> {
  for (const { path } of directories) {
    const file = join(path, procedureName(site))
    const text = await readIfThere(file)
    if (text === undefined) continue
    return { file, isOurs: isOurProcedure(text), isExecutable: ((await stat(file)).mode & 0o111) !== 0 }
  }
  return undefined
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined
    throw new ConfigError(`${file} cannot be read: ${messageOf(error)}`)
  }
}
