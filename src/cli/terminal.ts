import { oneLine } from '../core/errors.ts'
import { printable, printableLines } from '../core/printable.ts'

/** What a text says is wrong, or somebody should know. */
export type Tone = 'bad' | 'warning' | undefined

/** What a command is shown on, and who sits before it. */
export interface Terminal {
  /** Width of the terminal, or 80. */
  readonly columns: number
  /** Somebody sits there: questions can be asked, progress is looked at. */
  readonly isTerminal: boolean
  /** What is wrong may be coloured: stderr is a terminal that can, and nobody minds. */
  readonly colors?: boolean
  /** Aborts when the user or the system asks us to end; the reason is an Interrupted. */
  readonly signal: AbortSignal
  /** A line, or several, of what was asked for: to stdout. `tone`: coloured, where that can be. */
  print(text: string, tone?: Tone): void
  /** Bytes of what was asked for, as they are: to stdout. Resolves when more can be taken. */
  write(bytes: Uint8Array): Promise<void>
  /** An error, as one line on stderr. */
  fail(message: string): void
  /** A remark on stderr. */
  note(message: string): void
  /** Shows how far something is, in place of what was shown before; undefined takes it away. */
  showStatus?(line: string | undefined): void
  /** Asks a question that is answered with yes or no. */
  confirm(question: string): Promise<boolean>
}

/**
 * The same terminal, for text that others wrote in part (names, what a server said): nothing in it
 * reaches the terminal as a command.
 */
export function safeTerminal(terminal: Terminal): Terminal {
  return {
    columns: terminal.columns,
    isTerminal: terminal.isTerminal,
    colors: terminal.colors === true,
    signal: terminal.signal,
    print: (text, tone) => terminal.print(printableLines(text), tone),
    write: (bytes) => terminal.write(bytes),
    fail: (message) => terminal.fail(oneLine(message)),
    note: (message) => terminal.note(oneLine(message)),
    showStatus: (line) => terminal.showStatus?.(line === undefined ? undefined : oneLine(line)),
    confirm: (question) => terminal.confirm(printable(question)),
  }
}

/** The command was ended by a signal, or nobody reads on. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE') {
    super(`ended by ${signal}`)
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 }[signal]
  }
}
