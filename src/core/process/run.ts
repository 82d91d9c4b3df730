import { runProcess } from './process.ts'

export interface Finished {
  /** Undefined when it was ended by a signal. */
  readonly code: number | undefined
  readonly stdout: Buffer
  readonly stderr: string
}

/**
 * Runs a short-lived program and gives what it printed. Rejects with node's error when it cannot be
 * started, and when it is still running after `limitMs` (default 30 s).
 */
export async function run(
  program: string,
  args: readonly string[],
  { input, limitMs = 30_000, cwd }: { input?: Uint8Array; limitMs?: number; cwd?: string } = {},
): Promise<Finished> {
  const { end, stdout, stderr } = await runProcess([program, ...args], { input, limitMs, cwd })
  if (end.how === 'not started') throw end.error
  if (end.how === 'stopped') throw new Error(`${program} did not end within ${limitMs / 1000} s`)
  return { code: end.how === 'exited' ? end.code : undefined, stdout, stderr: stderr.toString() }
}
