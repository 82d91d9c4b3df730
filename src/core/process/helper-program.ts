import { messageOf } from '../errors.ts'
import { type ProcessEnd, runProcess } from './process.ts'

/** A helper that asks a person instead of answering must not keep us. ms. */
const LIMIT_MS = 30_000

/** More than any credential. Bytes. */
const MAX_OUTPUT = 64 * 1024

export interface HelperOptions {
  readonly input?: string | undefined
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly limitMs?: number
}

/**
 * Runs a program that gives a secret, and returns what it printed, or why it gave nothing: that it
 * failed, could not be run, or took too long; never what it said. It has no terminal, so that it
 * cannot ask there.
 */
export async function askHelper(
  command: readonly string[],
  { input, env, cwd, signal, limitMs = LIMIT_MS }: HelperOptions,
): Promise<{ readonly output: string } | { readonly problem: string }> {
  const { end, stdout } = await runProcess(command, {
    input,
    env,
    cwd,
    signal,
    limitMs,
    ownGroup: true,
    maxOutput: { bytes: MAX_OUTPUT, more: 'stops' },
    stderr: 'dropped', // may show what it was given
  })
  if (end.how === 'exited' && end.code === 0) return { output: stdout.toString() }
  return { problem: problemOf(end, limitMs) }
}

function problemOf(end: ProcessEnd, limitMs: number): string {
  switch (end.how) {
    case 'not started':
      return `cannot be run: ${messageOf(end.error)}`
    case 'exited':
      return `ended with exit code ${end.code}`
    case 'killed':
      return 'ended with a signal'
    case 'stopped':
      if (end.why === 'aborted') return 'aborted'
      return end.why === 'output' ? 'said too much' : `did not answer within ${limitMs / 1000} s`
  }
}
