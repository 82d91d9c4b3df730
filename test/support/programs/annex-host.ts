import { join } from 'node:path'
import type { Workspace } from '../worlds/workspace.ts'
import { type Result, type Running, type RunOptions, start } from './run.ts'

export interface HostOptions extends Omit<RunOptions, 'input'> {
  /** What the remote is told when it asks: its configuration, … */
  readonly config?: Readonly<Record<string, string>>
  readonly uuid?: string
  readonly gitDir: string
}

/**
 * Speaks the external special remote protocol with our program in the place of git-annex, so that a
 * test can say what git-annex never says. Without the ASYNC extension: one request at a time.
 */
export class AnnexHost {
  readonly running: Running
  readonly #options: HostOptions
  readonly #lines: string[] = []
  #wake = () => {}
  #ended = false

  private constructor(running: Running, options: HostOptions) {
    this.running = running
    this.#options = options
    let rest = Buffer.alloc(0)
    running.child.stdout?.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        // latin1, so that every byte can be looked at.
        this.#lines.push(rest.subarray(0, end).toString('latin1'))
        rest = rest.subarray(end + 1)
      }
      this.#wake()
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    running.done.then(end, end)
  }

  /** Starts the program and waits for its first line. */
  static async start(workspace: Workspace, options: HostOptions): Promise<AnnexHost> {
    const program = join(workspace.path('programs'), 'git-annex-remote-ora')
    const running = start(program, [], { env: workspace.env, ...options, stdin: 'open' })
    const host = new AnnexHost(running, options)
    if ((await host.line()) !== 'VERSION 1') throw new Error('no VERSION 1')
    return host
  }

  /** The same, up to the point where keys can be asked for. */
  static async prepared(workspace: Workspace, options: HostOptions): Promise<AnnexHost> {
    const host = await AnnexHost.start(workspace, options)
    const reply = await host.request('PREPARE')
    if (reply !== 'PREPARE-SUCCESS') throw new Error(reply)
    return host
  }

  /** Writes bytes as they are. A string is taken as latin1. */
  write(bytes: Uint8Array | string): void {
    this.running.child.stdin?.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Returns the next line of the program, in latin1; undefined when it has ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const line = this.#lines.shift()
      if (line !== undefined || this.#ended) return line
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /**
   * Sends a request, answers what the program asks meanwhile, and returns its reply; undefined when
   * it ended instead.
   */
  async request(line: string): Promise<string | undefined> {
    this.write(`${line}\n`)
    for (;;) {
      const said = await this.line()
      if (said === undefined) return undefined
      const [verb = '', ...words] = said.split(' ')
      const answer = this.#answer(verb, words.join(' '))
      if (answer !== undefined) this.write(`VALUE ${answer}\n`)
      else if (verb === 'GETCREDS')
        this.write('CREDS  \n') // git-annex keeps none
      else if (!['PROGRESS', 'DEBUG', 'INFO', 'SETCONFIG'].includes(verb)) return said
    }
  }

  #answer(verb: string, parameter: string): string | undefined {
    const { config = {}, uuid = 'b0b5a2ac-0000-4000-8000-000000000001', gitDir } = this.#options
    if (verb === 'GETCONFIG') return config[parameter] ?? ''
    if (verb === 'GETUUID') return uuid
    if (verb === 'GETGITDIR') return gitDir
    if (verb === 'GETGITREMOTENAME') return 'store'
    return undefined
  }

  /** Closes its input and waits for its end. */
  async end(): Promise<Result> {
    this.running.child.stdin?.end()
    return this.running.done
  }
}
