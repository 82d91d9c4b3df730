import { once, setMaxListeners } from 'node:events'
import type { WriteStream } from 'node:tty'
import { Interrupted, type Terminal, type Tone } from './terminal.ts'

const [RED, YELLOW, PLAIN] = ['\x1b[31m', '\x1b[33m', '\x1b[39m']
/** Back to the beginning of the line, and away with what is in it. */
const CLEAR_LINE = '\r\x1b[K'

/**
 * The terminal of this process. The first signal asks a command to end, which tidies up; the second
 * ends it at once.
 */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process
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
  stdout.on('error', () => stop.abort(new Interrupted('SIGPIPE')))
  stderr.on('error', () => {})
  const colors = hasColors(stderr)
  let shown = ''
  const write = (stream: WriteStream, text: string) => {
    if (shown !== '') stderr.write(CLEAR_LINE)
    stream.write(`${text}\n`)
    if (shown !== '') stderr.write(shown)
  }
  return {
    columns: stdout.columns || stderr.columns || 80,
    isTerminal: stdin.isTTY === true && stderr.isTTY === true,
    colors,
    signal: stop.signal,
    print: (text, tone) => write(stdout, hasColors(stdout) ? coloured(text, tone) : text),
    write: async (bytes) => {
      stop.signal.throwIfAborted()
      if (!stdout.write(bytes)) await once(stdout, 'drain', { signal: stop.signal })
    },
    fail: (message) => write(stderr, `${colors ? RED : ''}riastore: ${message}${colors ? PLAIN : ''}`),
    note: (message) => write(stderr, message),
    showStatus: (line) => {
      if (shown !== '' || line !== undefined) stderr.write(`${CLEAR_LINE}${line ?? ''}`)
      shown = line ?? ''
    },
    confirm: async (question) => {
      const { ask } = await import('./ask.ts')
      return ask(question, { stop, input: stdin, output: stderr })
    },
  }
}

function coloured(text: string, tone: Tone): string {
  return tone === undefined ? text : `${tone === 'bad' ? RED : YELLOW}${text}${PLAIN}`
}

/** NO_COLOR (https://no-color.org) counts if it is not empty. */
function hasColors(stream: WriteStream): boolean {
  const { NO_COLOR, TERM } = process.env
  return stream.isTTY === true && !NO_COLOR && TERM !== undefined && TERM !== 'dumb'
}

const DEBUG = 'RIASTORE_DEBUG'

/**
 * With -vv, this process and all that it starts (git, git-annex and our other programs) say what
 * they ask of a store. Returns what takes it back.
 */
export function applyVerbosity(verbose: number | undefined): () => void {
  const before = process.env[DEBUG]
  if (verbose === undefined || verbose < 2 || before) return () => {}
  process.env[DEBUG] = '1'
  return () => {
    if (before === undefined) delete process.env[DEBUG]
    else process.env[DEBUG] = before
  }
}

/** Takes the lines that tell each request to a store; undefined: nobody wants to know them. */
export function requestLog(): ((line: string) => void) | undefined {
  return process.env[DEBUG] ? (line) => process.stderr.write(`riastore: ${line}\n`) : undefined
}
