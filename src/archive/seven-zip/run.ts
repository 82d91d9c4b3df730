import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { abortedError } from '../../core/abort.ts'
import { codeOf, messageOf, StoreError } from '../../core/errors.ts'
import { environmentOfChild } from '../../core/process/orphans.ts'
import { runProcess } from '../../core/process/process.ts'
import { type SevenZipCommand, sevenZipArguments } from './arguments.ts'
import type { SevenZip } from './find.ts'
import type { SevenZipResult } from './words.ts'

export interface Progress {
  /** Of the bytes to be done, 0 to 100. */
  readonly percent: number
  /** Files done. */
  readonly files: number
}

export interface RunSettings {
  readonly op: string
  /** Working directory. */
  readonly directory?: string | undefined
  /** An open file that the command reads as `/dev/fd/3`. */
  readonly listFd?: number | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What it makes can be read by nobody else, until whoever had it made says who may. */
const FOR_US_ALONE = ['/bin/sh', '-c', 'umask 077; exec "$0" "$@"']

/** So long it may take to put its temporary file away after it was asked to end. ms. */
const TERM_MS = 20_000

/**
 * Runs 7-Zip and gives how it ended. node-7z reads what it prints. It is started here, not there:
 * node-7z starts it in a process group of its own, so that it goes on when we are interrupted,
 * leaves its stdin open, and neither looks at the exit code nor lets a caller do so. On abort it is
 * asked to end, so that it removes its temporary file. Throws StoreError `aborted`, and
 * `unsupported` when it cannot be started.
 */
export async function runSevenZip(
  program: SevenZip,
  command: SevenZipCommand,
  settings: RunSettings,
): Promise<SevenZipResult> {
  const { op, signal } = settings
  const where = command.archive
  if (signal?.aborted) throw abortedError(op, where, signal)
  const { default: node7z } = await import('node-7z')
  const said = new PassThrough()
  const splitter = new LineSplitter(said)
  // It only listens to a child's pipes and events.
  const pipes = { stdout: said, stderr: new PassThrough() }
  const heard = Object.assign(new EventEmitter(), pipes) as unknown as ChildProcess
  const options = { $progress: true, $defer: true, $childProcess: heard }
  const stream = {
    add: () => node7z.add(where, [], options),
    remove: () => node7z.delete(where, [], options),
    test: () => node7z.test(where, options),
  }[command.command]()
  stream.on('data', () => {})
  stream.on('progress', ({ percent, fileCount }) => settings.onProgress?.({ percent, files: fileCount || 0 }))
  node7z.listen(stream)

  const { end, stderr } = await runProcess([...FOR_US_ALONE, program.path, ...sevenZipArguments(command)], {
    cwd: settings.directory,
    env: environmentOfChild(),
    fd3: settings.listFd,
    signal,
    graceMs: TERM_MS,
    onStdout: (bytes) => splitter.push(bytes),
  })
  if (signal?.aborted) throw abortedError(op, where, signal)
  if (end.how === 'not started') throw notStarted(op, where, program, end.error)
  const result = end.how === 'exited' ? end.code : (end.how === 'killed' && end.signal) || 'SIGKILL'
  return { result, lines: splitter.end(), errors: stderr.toString() }
}

function notStarted(op: string, where: string, program: SevenZip, error: unknown): StoreError {
  const kind = codeOf(error) === 'EAGAIN' || codeOf(error) === 'ENOMEM' ? 'transient' : 'unsupported'
  const message = `${program.path} cannot be run: ${messageOf(error)}`
  return new StoreError({ kind, op, where, message, sent: 'no', cause: error })
}

/**
 * Splits stdout into lines, also at the backspaces by which 7-Zip wipes out its progress. All go to
 * `said`, one a chunk: node-7z, given stdout itself, reads everything since the last line end again
 * with each chunk. Kept are those that are neither progress nor names of files.
 */
class LineSplitter {
  readonly #said: PassThrough
  readonly #kept: string[] = []
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  constructor(said: PassThrough) {
    this.#said = said
  }

  push(chunk: Buffer): void {
    const parts = (this.#rest + this.#decoder.write(chunk)).split(/\r?\n|[\b]+/)
    this.#rest = parts.pop() ?? ''
    for (const part of parts) this.#take(part)
  }

  /** Returns the lines that are kept. */
  end(): readonly string[] {
    this.#take(this.#rest)
    this.#rest = ''
    return this.#kept
  }

  #take(line: string): void {
    if (line.trim() === '') return
    this.#said.write(`${line}\n`)
    if (!/^(\s*\d+%|[=TU+R.-] )/.test(line)) this.#kept.push(line)
  }
}
