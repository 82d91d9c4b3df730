import { spawn } from 'node:child_process'
import type { SFTPWrapper } from 'ssh2'
import { oneLine, StoreError } from '../../core/errors.ts'
import type { SftpChannel } from './channel.ts'
import { type SshTarget, targetArguments, targetName } from './config.ts'

/** As much of what ssh says on stderr as an error message needs, in bytes. */
const STDERR_BYTES = 4096

/**
 * An SFTP session through the user's own OpenSSH, `ssh -s host sftp`: for all that a library cannot
 * do (Kerberos, security keys, certificates, proxies, a ControlMaster). It never prompts
 * (BatchMode).
 */
export async function connectOpenSsh(target: SshTarget): Promise<SftpChannel> {
  const where = targetName(target)
  // stderr is a pipe of our own: a ControlMaster that stays behind would keep git-annex waiting for
  // the end of its.
  const child = spawn(
    'ssh',
    ['-o', 'BatchMode=yes', '-o', 'ClearAllForwardings=yes', '-T', '-x', '-s', ...targetArguments(target), 'sftp'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-STDERR_BYTES)
  })
  child.stdin.on('error', () => {}) // its end is told by 'exit'

  const sftp = await sftpOver((bytes) => child.stdin.write(bytes))
  const closed = new Promise<Error>((resolve) => {
    child.on('error', resolve)
    // Not 'close': that waits for a ControlMaster which holds stderr.
    child.on('exit', (code, signal) => setImmediate(() => resolve(new Error(reason(said, code, signal)))))
    child.stdin.on('close', () => resolve(new Error(reason(said, child.exitCode, child.signalCode))))
  })
  child.stdout.on('data', (chunk: Buffer) => sftp.push(chunk))
  closed.then(() => setImmediate(() => sftp.push(null))) // after whoever waits heard the reason

  const ready = new Promise<void>((resolve, reject) => {
    sftp.once('ready', resolve)
    sftp.on('error', reject) // stays: a server that breaks the protocol must not end the process
  })
  sftp._init()
  const failure = await Promise.race([ready.catch((error: Error) => error), closed])
  if (failure !== undefined) {
    child.kill()
    throw connectError(where, failure)
  }
  return {
    sftp: sftp as unknown as SFTPWrapper,
    exec: undefined,
    closed,
    output: child.stdin,
    destroy: () => child.kill(),
  }
}

/**
 * ssh2's SFTP engine, apart from its client. This is no public interface of ssh2: its version is
 * pinned, and a test holds it.
 */
interface SftpEngine {
  push(bytes: Buffer | null): void
  once(event: 'ready', listener: () => void): void
  on(event: 'error', listener: (error: Error) => void): void
  _init(): void
}

type SftpEngineClass = new (client: object, channel: object, settings: object) => SftpEngine

async function sftpOver(write: (bytes: Buffer) => void): Promise<SftpEngine> {
  // @ts-expect-error: no types, as it is no public interface
  const module: { SFTP: SftpEngineClass } = await import('ssh2/lib/protocol/SFTP.js')
  const protocol = {
    _remoteIdentRaw: Buffer.from('SSH-2.0-unknown'),
    channelData: (_id: number, bytes: Buffer) => write(bytes),
    channelClose() {},
    channelEOF() {},
    channelWindowAdjust() {},
  }
  // A pipe has no window of its own: what is in flight is bounded by whoever makes the requests.
  const end = () => ({ id: 0, window: Number.POSITIVE_INFINITY, packetSize: Number.POSITIVE_INFINITY, state: 'open' })
  return new module.SFTP({ _protocol: protocol }, { type: 'sftp', incoming: end(), outgoing: end() }, {})
}

function reason(said: string, code: number | null, signal: NodeJS.Signals | null): string {
  const lines = said.split('\n').map(oneLine)
  const text = lines.filter((line) => line !== '' && !line.startsWith('Warning: Permanently added')).join('; ')
  return text || (signal ? `ssh was ended by ${signal}` : `ssh ended with exit code ${code}`)
}

function connectError(where: string, error: Error): StoreError {
  const { message } = error
  const refused = /permission denied|host key verification failed|authentication|no supported|no matching/i.test(
    message,
  )
  return new StoreError({
    kind: refused ? 'denied' : 'unreachable',
    op: 'connect',
    where,
    message,
    sent: 'no',
    cause: error,
  })
}
