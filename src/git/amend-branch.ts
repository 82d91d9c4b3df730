import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from '../core/text.ts'
import { inTemporaryDirectory } from '../core/work-directory.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { type BranchFile, BranchFiles } from './branch-files.ts'
import { downloadHistory, putRefs, stateOf } from './copy-refs.ts'
import { git } from './objects/git.ts'

/** So often somebody may push meanwhile. */
const TRIES = 3

export interface Amendment extends CallOptions {
  /** `refs/heads/…` */
  readonly ref: string
  readonly message: string
  /** Gives new contents of files; none: nothing is to be changed. May be called again. */
  readonly change: (files: BranchFiles) => AsyncIterable<BranchFile>
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
      const to = await commit(
        join(work, 'commit'),
        gitDir,
        tip,
        message,
        change(new BranchFiles(gitDir, tip, call)),
        call,
      )
      if (to === undefined) return 'nothing'
      const next = { ...state, refs: new Map([...state.refs, [ref, to]]) }
      const updates = [{ name: ref, to, force: false }]
      return (await putRefs(work, gitDir, dataset, state, next, updates, call)) ? 'changed' : undefined
    })
    if (done !== undefined) return done === 'changed'
    if (tries === TRIES) throw dataset.error('conflict', 'git', `others pushed ${TRIES} times meanwhile: try again`)
  }
}

/**
 * Undefined when no file has changed. What git is told is put into a file, for there may be much.
 */
async function commit(
  file: string,
  gitDir: string,
  parent: string,
  message: string,
  files: AsyncIterable<BranchFile>,
  { signal }: CallOptions,
): Promise<string | undefined> {
  const ours = 'refs/heads/riastore-amended'
  const by = `riastore <riastore@localhost> ${Math.floor(Date.now() / 1000)} +0000`
  const input = await open(file, 'w')
  let count = 0
  try {
    await input.appendFile(`commit ${ours}\ncommitter ${by}\n`)
    await appendData(input, message)
    await input.appendFile(`from ${parent}\n`)
    for await (const { path, text } of files) {
      await input.appendFile(Buffer.concat([encode(`M 100644 inline ${path}`), Buffer.from('\n')]))
      await appendData(input, text)
      count += 1
    }
    await input.appendFile('\ndone\n')
  } finally {
    await input.close()
  }
  if (count === 0) return undefined
  await git(['fast-import', '--quiet', '--done'], { gitDir, signal, input: { file } })
  const { stdout } = await git(['rev-parse', '--verify', ours], { gitDir, signal })
  return stdout.trim()
}

async function appendData(input: FileHandle, text: string): Promise<void> {
  const bytes = encode(text)
  await input.appendFile(Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')]))
}
