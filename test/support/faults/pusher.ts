import { explain } from '../programs/run.ts'
import { type GitCommands, gitCommands } from '../worlds/git-commands.ts'
import { removeTree, type Workspace } from '../worlds/workspace.ts'
import type { GitSubject } from './subject.ts'
import type { Verdict } from './toll.ts'

/** Somebody who pushes one commit after the other, and remembers which are said to have arrived. */
export class Pusher {
  readonly #workspace: Workspace
  readonly #commands: GitCommands
  readonly #subject: GitSubject
  readonly #name: string
  #repo: string | undefined
  #made = 0
  #cloned = 0
  #arrived: string | undefined

  constructor(workspace: Workspace, subject: GitSubject, name: string, env: NodeJS.ProcessEnv) {
    this.#workspace = workspace
    this.#commands = gitCommands(workspace, env)
    this.#subject = subject
    this.#name = `pusher-${name}`
  }

  /**
   * It has to arrive: his line is good, whatever is done to others. Only a disk that is full or
   * read-only, `isHindered`, may keep it away, and then he is told so.
   */
  async push(verdict: Verdict, isHindered = false): Promise<void> {
    this.#repo ??= await this.#commands.newRepo(this.#name)
    const repo = this.#repo
    this.#made += 1
    await this.#commands.commit(repo, `file ${this.#made}`)
    const push = await this.#commands.git(repo, 'push', '-q', this.#subject.pushUrl, 'HEAD:refs/heads/main')
    if (push.status !== 0) {
      if (!isHindered || push.stderr.trim() === '') verdict.problem(`wrong end: ${explain(push)}`)
      else verdict.toll.clients.refused += 1
      return
    }
    this.#arrived = (await this.#commands.gitOk(repo, 'rev-parse', 'HEAD')).trim()
    verdict.toll.clients.pushed += 1
  }

  /** A clone is whole, and has all that arrived. */
  async check(verdict: Verdict): Promise<void> {
    if (this.#arrived === undefined) return
    this.#cloned += 1
    const name = `${this.#name}-clone-${this.#cloned}`
    const { pushUrl } = this.#subject
    const clone = await this.#commands.git(
      this.#workspace.directory,
      'clone',
      '-q',
      pushUrl,
      this.#workspace.path(name),
    )
    if (clone.status !== 0) return verdict.problem(`lost: ${explain(clone)}`)
    const path = this.#workspace.path(name)
    for (const words of [
      ['fsck', '--full', '--strict'],
      ['merge-base', '--is-ancestor', this.#arrived, 'origin/main'],
    ]) {
      const result = await this.#commands.git(path, ...words)
      if (result.status !== 0) verdict.problem(`lost: ${explain(result)}`)
    }
    await removeTree(path)
  }
}
