import * as fs from 'node:fs'
import type { Clone } from '../clone/clone.ts'
import { splitAt, startProgram } from '../clone/programs.ts'
import type { WorkDirectory } from '../clone/work-directory.ts'
import { branchCommit, listBranch } from './read-logs.ts'
import { SpoolFile } from './spool-file.ts'

/**
 * All paths of a commit of the git-annex branch with their objects. They wait in a file: git lists
 * them while git-annex still finds the keys whose logs are wanted.
 */
export class BranchListing {
  readonly commit: string
  /** How many paths there are. */
  readonly paths: number
  readonly #fd: number

  private constructor(commit: string, paths: number, fd: number) {
    this.commit = commit
    this.paths = paths
    this.#fd = fd
  }

  /** Lists the branch as it is now. Throws StoreError. */
  static async make(clone: Clone, work: WorkDirectory, signal?: AbortSignal): Promise<BranchListing> {
    const commit = await branchCommit(clone)
    const { stdout, ended } = startProgram('git', listBranch(commit), { cwd: clone.gitDirectory, signal })
    const spool = new SpoolFile(work.newFile())
    let paths = 0
    for await (const bytes of stdout) {
      const chunk = bytes as Buffer
      spool.add(chunk)
      for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, end + 1)) paths += 1
    }
    await ended
    return new BranchListing(commit, paths, spool.finish())
  }

  /** Its lines, from the first on: `<mode> blob <id>\t<path>`. */
  lines(): AsyncGenerator<Buffer, void, void> {
    return splitAt(fs.createReadStream('', { fd: this.#fd, start: 0, autoClose: false }), 0)
  }

  /** To be called once, when nobody reads lines any more. */
  close(): void {
    fs.closeSync(this.#fd)
  }
}
