import { spawn } from 'node:child_process'
import { abortedError } from '../core/abort.ts'
import { StoreError } from '../core/errors.ts'
import { Capture } from './capture.ts'
import type { ExecOptions, ExecResult } from './store.ts'

/**
 * Runs a program on this machine; `cwd` is absolute. It is killed when the signal aborts. Its stderr is a pipe of ours: git-annex waits for
 * whoever holds its own.
 */
export function runProgram(command: readonly string[], { cwd, input, signal }: ExecOptions): Promise<ExecResult> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const kind = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'unsupported' : 'denied'
      reject(new StoreError({ kind, op: 'exec', where: cwd, message: `${program}: ${error.message}`, cause: error }))
    }
    const child = spawn(program, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] })
    const stop = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', stop, { once: true })
    const stdout = new Capture(child.stdout)
    const stderr = new Capture(child.stderr)
    child.on('error', fail)
    child.on('close', (code, signalName) => {
      signal?.removeEventListener('abort', stop)
      if (signal?.aborted) return reject(abortedError('exec', cwd, signal))
      if (code === null) return fail(new Error(`ended by ${signalName}`))
      resolve({ code, stdout: stdout.bytes(), stderr: stderr.bytes().toString() })
    })
    child.stdin.on('error', () => {}) // it need not read all
    child.stdin.end(input)
  })
}
