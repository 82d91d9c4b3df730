import type { Writable } from 'node:stream'
import { abortedError } from '../../core/abort.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { Capture } from '../common/capture.ts'
import { checkedSource } from '../common/checked-source.ts'
import type { ExecChannel } from '../ssh/channel.ts'
import type { ExecOptions, ExecResult, Stat } from '../store.ts'
import { hasShell } from './has-shell.ts'
import { checkLength, FLUSH_EVERY_BYTES, flush, type SftpPut } from './put-target.ts'
import type { SftpSession } from './session.ts'
import { toStat } from './stat.ts'
import type { TemporaryFile } from './temporary.ts'

/**
 * From this size on, starting `cat` (about 45 ms) pays: it is about twice as fast as SFTP. Bytes.
 */
export const EXEC_FROM_BYTES = 64 * 1024 * 1024

/** Streams a file from `start` to its end. Throws unless the command ends with 0. */
export async function* downloadByShell(
  session: SftpSession,
  file: string,
  where: string,
  start: number,
  signal?: AbortSignal,
): Bytes {
  const command = start === 0 ? `cat < ${quote(file)}` : `tail -c +${start + 1} < ${quote(file)}`
  const channel = await startCommand(session, command)
  const stop = () => channel.stream.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    yield* channel.stream as AsyncIterable<Uint8Array>
    await checkExit(channel, 'get', where)
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError({
      kind: 'unreachable',
      op: 'get',
      where,
      message: `connection lost: ${messageOf(error)}`,
      cause: error,
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    channel.stream.destroy()
  }
}

/** Writes the content into a temporary file through `cat`, flushing it over SFTP meanwhile. */
export async function uploadByShell(session: SftpSession, target: TemporaryFile, put: SftpPut): Promise<Stat> {
  const { source, options, where } = put
  const { mode } = await session.fstat(target.handle)
  await session.fchmod(target.handle, 0o600) // it was made read-only, which holds for the shell
  const channel = await startCommand(session, `cat > ${quote(target.path)}`)
  const { stream } = channel
  const stop = () => stream.destroy()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const writer = new CommandWriter(channel, (code) => commandError(channel, code, 'put', where))
    stream.on('error', () => {}) // told by the exit code
    let sent = 0
    let flushed = 0
    let flushing: Promise<void> | undefined
    for await (const chunk of checkedSource(source, where, options.signal)) {
      await writer.write(chunk)
      sent += chunk.length
      options.onProgress?.(sent)
      if (sent - flushed >= FLUSH_EVERY_BYTES) {
        flushed = sent
        await flushing
        flushing = flush(session, target.handle)
        flushing.catch(() => {})
      }
    }
    stream.end()
    stream.resume()
    await checkExit(channel, 'put', where)
    await flushing
  } finally {
    options.signal?.removeEventListener('abort', stop)
    stream.destroy()
  }
  const [stats] = await Promise.all([
    session.fstat(target.handle),
    flush(session, target.handle),
    session.fchmod(target.handle, mode & 0o7777),
    session.closeHandle(target.handle),
  ])
  session.uid ??= stats.uid
  return checkLength(toStat(stats), source, where)
}

/**
 * Runs a program on the server, in an absolute directory. Throws `unsupported` when the account has
 * no shell, or the connection cannot run programs. An abort ends the connection to the program, not
 * always the program.
 */
export async function runByShell(
  session: SftpSession,
  command: readonly string[],
  where: string,
  { cwd, input, signal }: ExecOptions,
): Promise<ExecResult> {
  if (!(await hasShell(session))) {
    throw new StoreError({ kind: 'unsupported', op: 'exec', where, message: 'the account has no shell', sent: 'no' })
  }
  const { stream, exit, stderr } = await startCommand(session, `cd ${quote(cwd)} && ${command.map(quote).join(' ')}`)
  const stop = () => stream.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const stdout = new Capture(stream)
    const read = new Promise((resolve) => stream.once('close', resolve))
    stream.end(input)
    const code = await exit
    if (signal?.aborted) throw abortedError('exec', where, signal)
    if (code === undefined) {
      throw new StoreError({ kind: 'unreachable', op: 'exec', where, message: stderr() || 'connection lost' })
    }
    await read
    return { code, stdout: stdout.bytes(), stderr: stderr() }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Writes to a command that is to live until its input ends. */
class CommandWriter {
  readonly #stream: Writable
  #failure: StoreError | undefined
  #breakOff: (error: StoreError) => void = () => {}

  constructor({ stream, exit }: ExecChannel, errorOf: (code: number | undefined) => StoreError) {
    this.#stream = stream
    const end = (code: number | undefined) => {
      this.#failure = errorOf(code)
      this.#breakOff(this.#failure)
    }
    exit.then(end) // never rejects
  }

  /**
   * Resolves when the stream is done with the chunk, which is ours only until we ask for the next.
   * Rejects also when the command ends. A race of promises would hold on to every write until then.
   */
  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#breakOff = reject
      this.#stream.write(chunk, (error) => (error ? reject(error) : resolve()))
    })
  }
}

async function startCommand(session: SftpSession, command: string): Promise<ExecChannel> {
  if (session.exec === undefined) throw new Error('no shell')
  return session.exec(command)
}

async function checkExit(channel: ExecChannel, op: string, where: string): Promise<void> {
  const code = await channel.exit
  if (code !== 0) throw commandError(channel, code, op, where)
}

function commandError(channel: ExecChannel, code: number | undefined, op: string, where: string): StoreError {
  const said = channel.stderr()
  if (code === undefined) return new StoreError({ kind: 'unreachable', op, where, message: said || 'connection lost' })
  const kind = /no space|quota/i.test(said) ? 'full' : /permission denied/i.test(said) ? 'denied' : 'transient'
  return new StoreError({ kind, op, where, message: said || `the remote cat ended with exit code ${code}` })
}

/** A word for a POSIX shell (and for csh and fish, as far as names of keys go). */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
