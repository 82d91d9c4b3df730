import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from '../core/text.ts'
import { type ProgramOptions, runProgram } from './program.ts'

export interface SubdatasetPaths {
  /** Of those that are there (installed), absolute, in the order of .gitmodules. */
  readonly paths: readonly string[]
  /** Those that lead out of the dataset, as .gitmodules names them. */
  readonly outside: readonly string[]
}

/**
 * Where the submodules directly below a repository are. .gitmodules, and links, come with what was
 * cloned: neither may lead to what lies elsewhere. `top` is the top of its work tree, without links
 * in it, as git gives it.
 */
export async function subdatasetPaths(
  top: string,
  { signal }: Pick<ProgramOptions, 'signal'> = {},
): Promise<SubdatasetPaths> {
  const file = join(top, '.gitmodules')
  const [paths, outside] = [new Set<string>(), new Set<string>()]
  if (!existsSync(file)) return { paths: [], outside: [] }
  const args = ['git', 'config', '--file', file, '--no-includes', '-z', '--get-regexp', '^submodule\\..*\\.path$']
  const { stdout } = await runProgram('git config', args, { signal, cwd: top, mayEndWith: [1] })
  for (const entry of decode(stdout).split('\0').slice(0, -1)) {
    const named = entry.slice(entry.indexOf('\n') + 1)
    const path = join(top, named)
    if (path === top || `${path}/` === top) continue
    if (!path.startsWith(`${top}/`)) {
      outside.add(named)
      continue
    }
    if (!existsSync(join(path, '.git'))) continue
    const plain = path.replace(/\/+$/, '')
    if ((await realpath(plain)) === plain) paths.add(plain)
    else outside.add(named)
  }
  return { paths: [...paths], outside: [...outside] }
}
