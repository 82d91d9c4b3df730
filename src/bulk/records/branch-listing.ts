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
  readonly #fd: number

  private constructor(commit: string, fd: number) {
    this.commit = commit
    this.#fd = fd
  }

  /** Lists the branch as it is now. Throws StoreError. */
  static async make(clone: Clone, work: WorkDirectory, signal?: AbortSignal): Promise<BranchListing> {
    const commit = await branchCommit(clone)
    const { stdout, ended } = startProgram('git', listBranch(commit), { cwd: clone.gitDirectory, signal })
    const spool = new SpoolFile(work.newFile())
    for await (const chunk of stdout) spool.add(chunk as Buffer)
    await ended
    return new BranchListing(commit, spool.finish())
  }

  /** Its lines, once: `<mode> blob <id>\t<path>`. */
  lines(): AsyncGenerator<Buffer, void, void> {
    return splitAt(fs.createReadStream('', { fd: this.#fd }), 0)
  }

  /** To be called in place of `lines`. */
  close(): void {
    fs.closeSync(this.#fd)
  }
}
