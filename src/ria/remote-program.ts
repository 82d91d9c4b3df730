import { open } from 'node:fs/promises'
import { runProcess } from '../core/process/process.ts'
import { decode } from '../core/text.ts'

/** What git-annex runs for `externaltype=ora`. DataLad brings one of the same name. */
export const REMOTE_PROGRAM = 'git-annex-remote-ora'

/** DataLad's does not know this setting, so a program that does is ours. */
const OUR_SETTING = 'requeststyle'

/** It only has to start. ms. */
const ANSWER_MS = 30_000

/** Who may have made a program of that name. */
export type RemoteProgramMaker = 'riastore' | 'datalad' | 'unknown'

/**
 * Asks such a program, in git-annex's words for special remotes, which settings it has, and says by
 * that whose it is. One that does not answer is `unknown`.
 */
export async function makerOfRemoteProgram(
  file: string,
  { signal, limitMs = ANSWER_MS }: { readonly signal?: AbortSignal | undefined; readonly limitMs?: number } = {},
): Promise<RemoteProgramMaker> {
  const { stdout } = await runProcess([file], { input: 'LISTCONFIGS\n', signal, limitMs, ownGroup: true })
  signal?.throwIfAborted()
  if (decode(stdout).includes(`CONFIG ${OUR_SETTING} `)) return 'riastore'
  return /\bdatalad\b/.test(await beginningOf(file)) ? 'datalad' : 'unknown'
}

/** A script of Python says in its first lines what it loads. */
async function beginningOf(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096))
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
