import { setMaxListeners } from 'node:events'
import { runCli } from '../../../src/cli/main.ts'
import { parseJsonLines } from './json-schema.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Questions that were asked. */
  readonly asked: readonly string[]
}

export interface CallOptions {
  /** What is answered to a question; undefined: nobody sits there. */
  readonly answer?: boolean
  readonly signal?: AbortSignal
  /** Called for whatever goes to stdout, before it is taken. */
  readonly onPrint?: (text: string) => void
}

/** The objects of --json, held against the schema; of one type if one is given. */
export function objectsOf({ stdout }: { readonly stdout: string }, type?: string): Record<string, unknown>[] {
  return parseJsonLines(stdout).filter((object) => type === undefined || object.type === type)
}

/** Runs `riastore` in this process. */
export async function riastore(args: readonly string[], { answer, signal, onPrint }: CallOptions = {}): Promise<Ran> {
  const stop = signal ?? new AbortController().signal
  setMaxListeners(0, stop)
  const [stdout, stderr, asked]: [string[], string[], string[]] = [[], [], []]
  const code = await runCli(args, {
    columns: 100,
    isTerminal: answer !== undefined,
    signal: stop,
    print: (text) => {
      onPrint?.(text)
      stdout.push(`${text}\n`)
    },
    write: async (bytes) => void stdout.push(Buffer.from(bytes).toString()),
    fail: (message) => stderr.push(`riastore: ${message}\n`),
    note: (message) => stderr.push(`${message}\n`),
    confirm: async (question) => {
      asked.push(question)
      return answer ?? false
    },
  })
  return { code, stdout: stdout.join(''), stderr: stderr.join(''), asked }
}
