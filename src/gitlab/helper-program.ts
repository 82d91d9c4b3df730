import { spawn } from 'node:child_process'
import { messageOf } from '../core/errors.ts'

/** Who asks a person instead of answering must not keep us. ms. */
const LIMIT_MS = 30_000

/** More than any credential. Characters. */
const MAX_OUTPUT = 64 * 1024

export interface HelperOptions {
  readonly input?: string
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly limitMs?: number
}

/**
 * Runs a program that gives a secret, and returns what it printed, or why it gave nothing: that it failed, could not be run, or took too long; never what it said. It
 * has no terminal, so that it cannot ask there.
 */
export function askHelper(
  [program = '', ...args]: readonly string[],
  { input = '', env, cwd, signal, limitMs = LIMIT_MS }: HelperOptions,
): Promise<{ readonly output: string } | { readonly problem: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    let output = ''
    let problem: string | undefined
    const end = (why: string) => {
      problem ??= why
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it has ended
      }
      for (const pipe of child.stdio) pipe?.destroy()
    }
    const clock = setTimeout(() => end(`did not answer within ${limitMs / 1000} s`), limitMs)
    const follow = () => end('aborted')
    if (signal?.aborted) follow()
    signal?.addEventListener('abort', follow)
    const settle = (result: { output: string } | { problem: string }) => {
      clearTimeout(clock)
      signal?.removeEventListener('abort', follow)
      resolve(result)
    }
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.length > MAX_OUTPUT) end('said too much')
    })
    child.stderr.resume() // may show what it was given
    child.stdin.on('error', () => {}) // it need not read all
    child.on('error', (error) => settle({ problem: `cannot be run: ${messageOf(error)}` }))
    child.on('close', (code) => {
      if (problem === undefined && code === 0) settle({ output })
      else settle({ problem: problem ?? `ended with ${code === null ? 'a signal' : `exit code ${code}`}` })
    })
    child.stdin.end(input)
  })
}
