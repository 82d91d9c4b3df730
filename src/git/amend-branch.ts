import { inTemporaryDirectory } from '../core/work-directory.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { downloadHistory, putRefs, stateOf } from './copy-refs.ts'
import { git } from './objects/git.ts'

/** So often somebody may push meanwhile. */
const TRIES = 3

/** Gives a file of the branch as it is; undefined where it has none. */
export type ReadFile = (path: string) => Promise<string | undefined>

export interface Amendment extends CallOptions {
  /** `refs/heads/…` */
  readonly ref: string
  readonly message: string
  /** New contents of files, by path; none: nothing is to be changed. May be called again. */
  readonly change: (read: ReadFile) => Promise<ReadonlyMap<string, string>>
}

/**
 * Adds a commit to a branch of a repository, whoever wrote it and wherever it lies; only if the
 * branch is still what was changed. False where there is no such branch, or nothing to change.
 * Throws StoreError.
 */
export async function amendBranch(
  dataset: StoredDataset,
  { ref, message, change, signal }: Amendment,
): Promise<boolean> {
  const call = { signal }
  for (let tries = 1; ; tries++) {
    const state = await stateOf(dataset, call)
    const tip = state.refs.get(ref)
    if (tip === undefined) return false
    const done = await inTemporaryDirectory(async (work) => {
      const gitDir = await downloadHistory(dataset, state, work, call)
      const files = await change((path) => readFile(gitDir, tip, path))
      if (files.size === 0) return 'nothing'
      const to = await commit(gitDir, tip, message, files, call)
      const next = { ...state, refs: new Map([...state.refs, [ref, to]]) }
      const updates = [{ name: ref, to, force: false }]
      return (await putRefs(work, gitDir, dataset, state, next, updates, call)) ? 'changed' : undefined
    })
    if (done !== undefined) return done === 'changed'
    if (tries === TRIES) throw dataset.error('conflict', 'git', `others pushed ${TRIES} times meanwhile: try again`)
  }
}

async function readFile(gitDir: string, commit: string, path: string): Promise<string | undefined> {
  const { code, stdout } = await git(['cat-file', 'blob', `${commit}:${path}`], { gitDir, mayEndWith: [128] })
  return code === 0 ? stdout : undefined
}

async function commit(
  gitDir: string,
  parent: string,
  message: string,
  files: ReadonlyMap<string, string>,
  { signal }: CallOptions,
): Promise<string> {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const ours = 'refs/heads/riastore-amended'
  const by = `riastore <riastore@localhost> ${Math.floor(Date.now() / 1000)} +0000`
  const lines = [`commit ${ours}\n`, `committer ${by}\n`, data(message), `from ${parent}\n`]
  for (const [path, text] of files) lines.push(`M 100644 inline ${path}\n`, data(text))
  await git(['fast-import', '--quiet', '--done'], { gitDir, signal, input: `${lines.join('')}\ndone\n` })
  const { stdout } = await git(['rev-parse', '--verify', ours], { gitDir, signal })
  return stdout.trim()
}
