import * as fs from 'node:fs'
import { messageOf, StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import type { Clone } from './clone.ts'

/** A program to start for a path. */
type Command = (path: string) => readonly [program: string, ...args: string[]]

/**
 * What a site runs besides for each object and directory, as git-annex runs it, whatever its exit
 * code: the hooks `freezecontent-annex` and `thawcontent-annex` (since 10.20250115), with the path
 * as their only parameter; where there is none, `annex.freezecontent-command` and
 * `annex.thawcontent-command`, by `sh -c`, with `%path` quoted.
 */
export class ContentHooks {
  readonly #freeze: Command | undefined
  readonly #thaw: Command | undefined
  readonly #cwd: string

  constructor(clone: Clone) {
    this.#freeze = commandOf(clone, 'freezecontent')
    this.#thaw = commandOf(clone, 'thawcontent')
    this.#cwd = clone.directory
  }

  get areSet(): boolean {
    return this.#freeze !== undefined || this.#thaw !== undefined
  }

  async freeze(path: string): Promise<void> {
    if (this.#freeze !== undefined) await this.#run(this.#freeze(path), path)
  }

  async thaw(path: string): Promise<void> {
    if (this.#thaw !== undefined) await this.#run(this.#thaw(path), path)
  }

  async #run([program, ...args]: ReturnType<Command>, path: string): Promise<void> {
    try {
      await run(program, args, { cwd: this.#cwd })
    } catch (error) {
      throw new StoreError({ kind: 'unsupported', op: 'freeze', where: path, message: messageOf(error), cause: error })
    }
  }
}

/** git-annex looks for its hooks there wherever `core.hooksPath` leads. */
function commandOf({ config, gitDirectory }: Clone, name: string): Command | undefined {
  const hook = `${gitDirectory}/hooks/${name}-annex`
  if (isExecutable(hook)) return (path) => [hook, path]
  const command = config.get(`annex.${name}-command`)
  return command ? (path) => ['sh', '-c', command.replaceAll('%path', () => quoted(path))] : undefined
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'"'"'`)}'`
}
