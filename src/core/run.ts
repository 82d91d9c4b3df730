import { spawn } from 'node:child_process'

export interface Finished {
  readonly code: number | undefined
  readonly stdout: Buffer
  readonly stderr: string
}

/**
 * Runs a short-lived program and gives what it printed. Its stderr is a pipe of ours: a child that kept git-annex's would
 * keep git-annex waiting. Rejects when it cannot be started, or is still running after `limitMs`.
 */
export function run(
  program: string,
  args: readonly string[],
  { input, limitMs = 30_000, cwd }: { input?: Uint8Array; limitMs?: number; cwd?: string } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      for (const pipe of child.stdio) pipe?.destroy() // what it started may hold them open
      reject(new Error(`${program} did not end within ${limitMs / 1000} s`))
    }, limitMs)
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.stdin.on('error', () => {}) // it need not read all
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? undefined, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() })
    })
    child.stdin.end(input)
  })
}
