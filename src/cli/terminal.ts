import { setMaxListeners } from 'node:events'
import { ask } from './ask.ts'
import { type Console, Interrupted } from './console.ts'

/**
 * The console of this process. The first signal asks a command to end, which tidies up; the second
 * ends it at once.
 */
export function processConsole(): Console {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal) // many calls at once listen to it
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const interrupted = new Interrupted(name)
      if (stop.signal.aborted) process.exit(interrupted.exitCode)
      stop.abort(interrupted)
    })
  }
  // Whoever read our output has seen enough.
  process.stdout.on('error', () => stop.abort(new Interrupted('SIGHUP')))
  process.stderr.on('error', () => {})
  return {
    columns: process.stdout.columns || 80,
    isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
    signal: stop.signal,
    print: (text) => {
      process.stdout.write(`${text}\n`)
    },
    fail: (message) => {
      process.stderr.write(`riastore: ${message}\n`)
    },
    note: (message) => {
      process.stderr.write(`${message}\n`)
    },
    confirm: (question) => ask(question, { stop, input: process.stdin, output: process.stderr }),
  }
}
