import { oneLine } from '../core/errors.ts'
import { printable, printableLines } from '../core/printable.ts'

/** How a command talks to whoever called it. */
export interface Console {
  /** Width of the terminal, or 80. */
  readonly columns: number
  /** Somebody sits there: questions can be asked, progress is looked at. */
  readonly isTerminal: boolean
  /** Aborts when the user or the system asks us to end; the reason is an Interrupted. */
  readonly signal: AbortSignal
  /** A line, or several, of what was asked for: to stdout. */
  print(text: string): void
  /** An error, as one line on stderr. */
  fail(message: string): void
  /** A remark on stderr. */
  note(message: string): void
  /** Asks a question that is answered with yes or no. */
  confirm(question: string): Promise<boolean>
}

/**
 * The same console, for text that others wrote in part (names, what a server said): nothing in it
 * reaches the terminal as a command.
 */
export function safeConsole(console: Console): Console {
  return {
    columns: console.columns,
    isTerminal: console.isTerminal,
    signal: console.signal,
    print: (text) => console.print(printableLines(text)),
    fail: (message) => console.fail(oneLine(message)),
    note: (message) => console.note(oneLine(message)),
    confirm: (question) => console.confirm(printable(question)),
  }
}

/** The command was ended by a signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`ended by ${signal}`)
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal]
  }
}
