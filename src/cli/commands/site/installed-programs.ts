import { existsSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { ProcedurePrograms } from '../../../setup/site/procedure-script.ts'

const REMOTE = 'git-annex-remote-ora'

/** Where we and our other programs are, as far as one can tell from how we were called. */
export function installedPrograms(
  program: string = process.argv[1] ?? '',
  env: NodeJS.ProcessEnv = process.env,
): ProcedurePrograms {
  const path = resolve(program)
  // npm puts links to all of them into one directory. Our other packages put them into `bin`, and
  // the program into `lib/riastore/dist` or `share/riastore/dist` beside it. A user who runs dist/
  // itself has them somewhere on PATH, perhaps.
  const candidates = [
    dirname(path),
    ...[join(dirname(path), '../../../bin')].filter((directory) => holds(directory, 'riastore')),
    ...(env.PATH ?? '').split(delimiter).filter((directory) => holds(directory, 'riastore')),
  ]
  const directory = candidates.find((candidate) => holds(candidate, REMOTE)) ?? ''
  return { node: process.execPath, program: path, directory: directory && resolve(directory) }
}

function holds(directory: string, name: string): boolean {
  return directory !== '' && existsSync(join(directory, name))
}
