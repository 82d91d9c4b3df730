import type { CallOptions } from './call-options.ts'

export interface ExecOptions extends CallOptions {
  readonly cwd: string
  /** Given to its stdin, which is empty without. */
  readonly input?: Uint8Array | undefined
}

export interface ExecResult {
  readonly code: number
  /** What it printed, at most EXEC_OUTPUT_BYTES of each. */
  readonly stdout: Buffer
  readonly stderr: string
}

/** More than this of a program's output is thrown away. */
export const EXEC_OUTPUT_BYTES = 16 * 1024 * 1024
