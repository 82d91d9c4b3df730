import { setMaxListeners } from 'node:events'
import { chdir, cwd as here } from 'node:process'
import { runCli } from '../../../src/cli/main.ts'
import { type Result, type RunOptions, run } from './run.ts'

/** A process has one environment and one directory: what comes meanwhile is started as usual. */
let isBusy = false

/**
 * Runs `riastore` in this process, with the environment and in the directory of `options`: ten
 * times as quick as to start it, for tests that are about what it does. `built` is what would be
 * started, and is where that is needed: for two at once, and for another user.
 */
export async function runInProcess(built: string, args: readonly string[], options: RunOptions): Promise<Result> {
  if (isBusy || options.user !== undefined || options.input !== undefined || options.env?.RIASTORE_DEBUG) {
    return run(process.execPath, [built, ...args], options)
  }
  isBusy = true
  const began = performance.now()
  const before = { env: { ...process.env }, cwd: here() }
  const [stdout, stderr]: [Uint8Array[], string[]] = [[], []]
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  try {
    if (options.env !== undefined) become(options.env)
    if (options.cwd !== undefined) chdir(options.cwd)
    const status = await runCli(args, {
      columns: 80,
      isTerminal: false,
      signal: stop.signal,
      print: (text) => stdout.push(Buffer.from(`${text}\n`)),
      write: async (bytes) => void stdout.push(Buffer.from(bytes)),
      fail: (message) => stderr.push(`riastore: ${message}\n`),
      note: (message) => stderr.push(`${message}\n`),
      confirm: async () => false,
    })
    return {
      command: ['riastore', ...args].join(' '),
      status,
      signal: undefined,
      stdout: Buffer.concat(stdout).toString(),
      stderr: stderr.join(''),
      timedOut: false,
      ms: performance.now() - began,
    }
  } finally {
    become(before.env)
    chdir(before.cwd)
    isBusy = false
  }
}

/** Takes on an environment as a program that is started has it. */
function become(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name]
  for (const [name, value] of Object.entries(env)) if (value !== undefined) process.env[name] = value
}
