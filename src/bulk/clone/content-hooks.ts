import { messageOf, StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'
import type { Clone } from './clone.ts'

/**
 * `annex.freezecontent-command` and `annex.thawcontent-command`: what a site runs besides for each
 * object and directory, as git-annex runs them: by `sh -c`, with `%path` quoted, and whatever their
 * exit code.
 */
export class ContentHooks {
  readonly #freeze: string | undefined
  readonly #thaw: string | undefined
  readonly #cwd: string

  constructor({ config, directory }: Clone) {
    this.#freeze = config.get('annex.freezecontent-command') || undefined
    this.#thaw = config.get('annex.thawcontent-command') || undefined
    this.#cwd = directory
  }

  get areSet(): boolean {
    return this.#freeze !== undefined || this.#thaw !== undefined
  }

  async freeze(path: string): Promise<void> {
    if (this.#freeze !== undefined) await this.#run(this.#freeze, path)
  }

  async thaw(path: string): Promise<void> {
    if (this.#thaw !== undefined) await this.#run(this.#thaw, path)
  }

  async #run(command: string, path: string): Promise<void> {
    try {
      await run('sh', ['-c', command.replaceAll('%path', () => quoted(path))], { cwd: this.#cwd })
    } catch (error) {
      throw new StoreError({ kind: 'unsupported', op: 'freeze', where: path, message: messageOf(error), cause: error })
    }
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'"'"'`)}'`
}
