import { decode } from '../core/text.ts'
import type { CallOptions } from '../store/store.ts'
import { git } from './objects/git.ts'

/** A file of a branch. */
export interface BranchFile {
  readonly path: string
  /** As `decode` gives it. */
  readonly text: string
}

/** Directories of which the files are read at once: git-annex's branch has 4096 at the top. */
const AT_ONCE = 32

/** The files of a commit, in a repository on this machine. Its methods throw GitError. */
export class BranchFiles {
  readonly #gitDir: string
  readonly #commit: string
  readonly #call: CallOptions

  constructor(gitDir: string, commit: string, call: CallOptions) {
    this.#gitDir = gitDir
    this.#commit = commit
    this.#call = call
  }

  /** Undefined where there is none. */
  async read(path: string): Promise<string | undefined> {
    const { code, bytes } = await this.#git(['cat-file', 'blob', `${this.#commit}:${path}`], { mayEndWith: [128] })
    return code === 0 ? decode(bytes) : undefined
  }

  /** All files in directories whose path `isWanted`, one after the other. */
  async *inDirectories(isWanted: (path: string) => boolean): AsyncGenerator<BranchFile, void, void> {
    const { bytes } = await this.#git(['ls-tree', '-z', '-d', '--name-only', this.#commit])
    const tops = decode(bytes).split('\0').filter(Boolean)
    for (let from = 0; from < tops.length; from += AT_ONCE) {
      const args = ['ls-tree', '-r', '-z', this.#commit, '--', ...tops.slice(from, from + AT_ONCE)]
      const listed = decode((await this.#git(args)).bytes).split('\0')
      const files = listed.flatMap((line) => {
        const [, id, path] = /^\d+ blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? []
        return id !== undefined && path !== undefined && isWanted(path) ? [{ id, path }] : []
      })
      yield* this.#readAll(files)
    }
  }

  async *#readAll(files: readonly { readonly id: string; readonly path: string }[]) {
    if (files.length === 0) return
    const input = files.map(({ id }) => `${id}\n`).join('')
    const { bytes } = await this.#git(['cat-file', '--batch'], { input })
    let at = 0
    for (const { id, path } of files) {
      const end = bytes.indexOf(10, at)
      const length = Number(/ blob (\d+)$/.exec(bytes.toString('latin1', at, end))?.[1])
      if (end < 0 || !Number.isSafeInteger(length)) throw new RangeError(`git cat-file gave no blob for ${id}`)
      yield { path, text: decode(bytes.subarray(end + 1, end + 1 + length)) }
      at = end + 1 + length + 1
    }
  }

  #git(args: readonly string[], options: { readonly input?: string; readonly mayEndWith?: readonly number[] } = {}) {
    return git(args, { ...options, ...this.#call, gitDir: this.#gitDir })
  }
}
