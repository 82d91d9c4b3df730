import type { SftpSession } from './session.ts'

const HELLO = 'riastore-shell'

/** An answer of the shell is no longer. Characters. */
const MAX_SAID = 64

/**
 * Whether the account runs commands in a POSIX shell. Asked once a session, without a risk: see
 * `probe`.
 */
export function hasShell(session: SftpSession): Promise<boolean> {
  session.shell ??= probe(session).catch(() => false)
  return session.shell
}

/**
 * An account that is forced to SFTP starts an SFTP server instead of the command; its input ends at
 * once, so it ends at once too.
 */
async function probe(session: SftpSession): Promise<boolean> {
  return (await askShell(session, `printf %s ${HELLO}`)) === HELLO
}

/**
 * The account's user id on the server; undefined when nobody tells: SFTP has no word for it, so it
 * is known where the account has a shell, or once a file of ours was made.
 */
export async function ownUid(session: SftpSession): Promise<number | undefined> {
  if (session.uid === undefined && (await hasShell(session))) {
    const said = await askShell(session, 'id -u').catch(() => undefined)
    if (said !== undefined && /^\d+\s*$/.test(said)) session.uid ??= Number(said)
  }
  return session.uid
}

/** What a command prints that has no input and prints little. Undefined when it fails. */
async function askShell(session: SftpSession, command: string): Promise<string | undefined> {
  if (session.exec === undefined) return undefined
  const { stream, exit } = await session.exec(command)
  stream.end()
  let said = ''
  for await (const chunk of stream) {
    said += (chunk as Buffer).toString()
    if (said.length > MAX_SAID) break
  }
  return (await exit) === 0 ? said : undefined
}
