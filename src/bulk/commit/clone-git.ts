import { decode, encode } from '../../core/text.ts'
import { startProgram } from '../clone/programs.ts'

export interface GitOutput {
  readonly code: number
  readonly bytes: Buffer
  readonly text: string
  /** On stderr. */
  readonly said: string
}

/** git, and git-annex, in a clone. */
export class CloneGit {
  readonly directory: string
  readonly #signal: AbortSignal | undefined

  constructor(directory: string, signal: AbortSignal | undefined) {
    this.directory = directory
    this.#signal = signal
  }

  /** Runs it to its end. Throws StoreError for an exit code that is not in `accepts`. */
  async run(args: readonly string[], accepts: readonly number[] = [0], input?: string): Promise<GitOutput> {
    const started = startProgram('git', args, {
      cwd: this.directory,
      signal: this.#signal,
      stdin: input === undefined ? 'ignore' : 'pipe',
      accepts,
    })
    if (input !== undefined) started.stdin.end(encode(input))
    const chunks: Buffer[] = []
    for await (const chunk of started.stdout) chunks.push(chunk as Buffer)
    const code = await started.ended
    const bytes = Buffer.concat(chunks)
    return { code, bytes, text: decode(bytes), said: started.said() }
  }

  /** What it printed, without the end of the line. */
  async line(...args: string[]): Promise<string> {
    return (await this.run(args)).text.replace(/\n$/, '')
  }

  /** The id of an object; undefined when there is none of that name. */
  async find(name: string): Promise<string | undefined> {
    const { code, text } = await this.run(['rev-parse', '--verify', '--quiet', '--end-of-options', name], [0, 1])
    return code === 0 ? text.trim() : undefined
  }

  /** Whether a commit is another one, or one of those that it was made on. */
  async isAncestor(commit: string, of: string): Promise<boolean> {
    return (await this.run(['merge-base', '--is-ancestor', commit, of], [0, 1])).code === 0
  }
}
