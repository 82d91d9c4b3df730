import { messageOf } from '../core/errors.ts'
import { errorKind, exitCodeOf } from './exit-codes.ts'
import { JsonLines, type JsonObject } from './json-lines.ts'
import { noProgress, type Progress, progressOn } from './progress.ts'
import type { Terminal, Tone } from './terminal.ts'

/** How a command that was told so by its options tells what it finds and does. */
export interface Console {
  /** Width of the terminal, or 80. */
  readonly columns: number
  /** Somebody sits there, who can be asked. */
  readonly isTerminal: boolean
  readonly signal: AbortSignal
  /** Output is JSON, an object a line. */
  readonly json: boolean
  /**
   * What was asked for: the object, or its text; text of several lines is one. `tone`: it is
   * coloured on a terminal.
   */
  show(object: JsonObject, text: string | (() => string), tone?: Tone): void
  /** What was done: as `show`, but with --quiet there is no text. */
  report(object: JsonObject, text: string | (() => string)): void
  /** An object, which is only for programs. */
  emit(object: JsonObject): void
  /** Bytes, as they are. Resolves when more can be taken. */
  write(bytes: Uint8Array): Promise<void>
  /** Text, which is only for people. */
  print(text: string): void
  /** Says in one line what went wrong; as JSON with what `about` says of where. */
  fail(error: unknown, about?: Readonly<Record<string, unknown>>): void
  /** Says in one line what is not as it should be, and was told in an object. */
  complain(message: string): void
  /** A remark; not with --quiet. */
  note(message: string): void
  /** A remark for whoever gave --verbose. */
  detail(message: string): void
  /** Shows how far a command is, where somebody wants to know. */
  readonly progress: Progress
  /** Asks a question that is answered with yes or no. */
  confirm(question: string): Promise<boolean>
}

/** What the options of a command line say of its output. */
export interface Manner {
  readonly json?: boolean | undefined
  readonly quiet?: boolean | undefined
  /** How often --verbose was given. */
  readonly verbose?: number | undefined
  readonly noProgress?: boolean | undefined
}

/** Makes the console of a command. */
export function consoleOn(terminal: Terminal, manner: Manner): Console {
  const { json = false, quiet = false, verbose = 0, noProgress: silent = quiet } = manner
  const lines = new JsonLines(terminal)
  const emit = (object: JsonObject) => {
    if (json) lines.print(object)
  }
  const say = (text: string | (() => string), tone?: Tone) =>
    terminal.print(typeof text === 'string' ? text : text(), tone)
  return {
    columns: terminal.columns,
    isTerminal: terminal.isTerminal,
    signal: terminal.signal,
    json,
    show: (object, text, tone) => (json ? lines.print(object) : say(text, tone)),
    report: (object, text) => {
      if (json) lines.print(object)
      else if (!quiet) say(text)
    },
    emit,
    write: (bytes) => terminal.write(bytes),
    print: (text) => {
      if (!json) terminal.print(text)
    },
    fail: (error, about = {}) => {
      const message = messageOf(error)
      emit({ type: 'error', kind: errorKind(error), message, exitCode: exitCodeOf(error), ...about })
      terminal.fail(about.dataset === undefined ? message : `${about.dataset}: ${message}`)
    },
    complain: (message) => terminal.fail(message),
    note: (message) => {
      emit({ type: 'note', message })
      if (!quiet) terminal.note(message)
    },
    detail: (message) => {
      if (verbose > 0) terminal.note(message)
    },
    progress: silent ? noProgress : progressOn(terminal, json ? emit : undefined),
    confirm: (question) => terminal.confirm(question),
  }
}
