import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/**
 * Returns the programs of a name, where the system would look for them, the one that it would run
 * first. A directory of PATH that is not absolute is not looked in: what is found there depends on
 * where one is. `path`: instead of PATH.
 */
export async function* programsOnPath(
  name: string,
  path: string = process.env.PATH ?? '',
): AsyncGenerator<string, void, void> {
  for (const directory of path.split(delimiter)) {
    const file = join(directory, name)
    if (isAbsolute(directory) && (await isProgram(file))) yield file
  }
}

/** The program that would be run by that name; undefined when there is none. */
export async function findProgram(name: string, path?: string | undefined): Promise<string | undefined> {
  for await (const file of programsOnPath(name, path)) return file
  return undefined
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}
