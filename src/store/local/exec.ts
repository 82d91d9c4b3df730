import { abortedError } from '../../core/abort.ts'
import { codeOf, StoreError } from '../../core/errors.ts'
import { runProcess } from '../../core/process/process.ts'
import { EXEC_OUTPUT_BYTES, type ExecOptions, type ExecResult } from '../exec.ts'

export interface RunOptions extends Omit<ExecOptions, 'cwd'> {
  /** Absolute. */
  readonly cwd: string
  /** The same for messages. */
  readonly where: string
}

/** Runs a program on this machine. It is killed when the signal aborts. */
export async function execHere(
  command: readonly string[],
  { cwd, where, input, signal }: RunOptions,
): Promise<ExecResult> {
  const maxOutput = { bytes: EXEC_OUTPUT_BYTES, more: 'is dropped' } as const
  const { end, stdout, stderr } = await runProcess(command, { cwd, input, signal, maxOutput })
  if (end.how === 'exited') return { code: end.code, stdout, stderr: stderr.toString() }
  if (end.how === 'stopped' && signal) throw abortedError('exec', where, signal)
  const error = end.how === 'not started' ? end.error : new Error(`ended by ${end.how === 'killed' && end.signal}`)
  const kind = codeOf(error) === 'ENOENT' ? 'unsupported' : 'denied'
  throw new StoreError({ kind, op: 'exec', where, message: `${command[0]}: ${error.message}`, cause: error })
}
