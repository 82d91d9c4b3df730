import { access, readFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import type { AuthenticationType, Client, ClientChannel, ConnectConfig, ParsedKey, SFTPWrapper } from 'ssh2'
import { messageOf, StoreError } from '../../core/errors.ts'
import type { ExecChannel, SftpChannel } from './channel.ts'
import { expandHome, type SshConfig, targetName } from './config.ts'
import { joinRequests, type SftpSender } from './join-requests.ts'
import { joinWrites } from './join-writes.ts'
import { type KnownHostKey, readKnownHostKeys } from './known-hosts.ts'

/**
 * Ciphers that node's OpenSSL does fast, first; the rest of what ssh2 has where the user's
 * configuration allows it.
 */
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'] as const

/** Options of ssh that ask for what only OpenSSH itself can do. */
const ONLY_OPENSSH = ['proxycommand', 'proxyjump', 'certificatefile', 'pkcs11provider', 'knownhostscommand'] as const

const FAMILIES: Readonly<Record<string, 4 | 6>> = { inet: 4, inet6: 6 }

/** All that ssh2 needs to connect. */
export interface ClientPlan {
  readonly where: string
  readonly address: { readonly host: string; readonly port: number; readonly family: 0 | 4 | 6 }
  readonly connect: ConnectConfig
}

/**
 * A server is asked so often whether it lives, and is given up after three questions without an
 * answer: a call that waits for a program to end hears nothing else. Seconds; ssh's
 * ServerAliveInterval overrules it.
 */
const KEEP_ALIVE_S = 15

/** Makes the plan for connecting with ssh2, or says in a few words why OpenSSH must do it. */
export async function planClient(config: SshConfig): Promise<ClientPlan | string> {
  const option = ONLY_OPENSSH.find((name) => config.get(name) !== undefined)
  if (option !== undefined) return `ssh's configuration has ${option}`
  const controlPath = config.get('controlpath')
  if (controlPath !== undefined && (await exists(controlPath))) return 'there is a ControlMaster to share'
  const known = await readKnownHostKeys(config)
  if (known === undefined) return 'known_hosts has certificate authorities or revoked keys for it'
  if (known.length === 0) return 'its host key is not in known_hosts'
  const auth = await planAuthentication(config)
  if (typeof auth === 'string') return auth
  const allowed = config.get('ciphers')?.split(',') ?? []
  const ciphers = CIPHERS.filter((name) => allowed.includes(name))
  if (ciphers.length === 0) return "ssh's configuration allows no cipher that ssh2 has"
  const keepAlive = Number(config.get('serveraliveinterval') ?? 0) || KEEP_ALIVE_S
  return {
    where: targetName(config.target),
    address: {
      host: config.get('hostname') ?? config.target.host,
      port: Number(config.get('port') ?? 22),
      family: FAMILIES[config.get('addressfamily') ?? 'any'] ?? 0,
    },
    connect: {
      keepaliveInterval: keepAlive * 1000,
      ...auth,
      algorithms: { cipher: [...ciphers], serverHostKey: hostKeyAlgorithms(known) },
      hostVerifier: (key: Buffer) => known.some(({ blob }) => blob.equals(key)),
    },
  }
}

/**
 * Connects with ssh2. Throws StoreError `unreachable` (nobody there) or `denied` (authentication,
 * host key, no common algorithm).
 */
export async function connectClient({ where, address, connect }: ClientPlan): Promise<SftpChannel> {
  const ssh2 = (await import('ssh2')).default
  const client = new ssh2.Client()
  const { host, port, family } = address
  // Nagle is on by default and costs a factor of five.
  const socket = joinWrites(createConnection({ host, port, family, noDelay: true }))
  const closed = new Promise<Error>((resolve) => {
    client.on('error', resolve)
    client.on('close', () => resolve(new Error('the server closed the connection')))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      closed.then(reject)
      client.connect({ ...connect, sock: socket })
    })
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      closed.then(reject)
      client.sftp((error, session) => (error ? reject(error) : resolve(session)))
    })
    const ended = new Promise<Error>((resolve) => {
      sftp.on('close', () => resolve(new Error('the server closed the SFTP session')))
      sftp.on('error', resolve)
    })
    return {
      sftp,
      exec: (command) => execute(client, command),
      closed: Promise.race([closed, ended]),
      output: joinRequests(sftp as unknown as SftpSender, socket),
      destroy: () => client.destroy(),
    }
  } catch (error) {
    client.destroy()
    throw connectError(where, error)
  }
}

function execute(client: Client, command: string): Promise<ExecChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, stream: ClientChannel) => {
      if (error) return reject(error)
      let said = ''
      stream.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4096)
      })
      const exit = new Promise<number | undefined>((done) => {
        stream.on('exit', (code: number | null) => done(code ?? undefined))
        stream.on('close', () => done(undefined))
      })
      resolve({ stream, exit, stderr: () => said })
    })
  })
}

async function planAuthentication(
  config: SshConfig,
): Promise<Pick<ConnectConfig, 'username' | 'agent' | 'authHandler'> | string> {
  const username = config.get('user')
  if (username === undefined) return 'ssh names no user'
  const identityAgent = config.get('identityagent') ?? 'SSH_AUTH_SOCK'
  const agent = identityAgent === 'SSH_AUTH_SOCK' ? process.env.SSH_AUTH_SOCK : expandHome(identityAgent)
  const useAgent = agent !== undefined && agent !== '' && config.get('identitiesonly') !== 'yes'
  const files = config.all('identityfile').map(expandHome)
  for (const file of files) {
    if (await exists(`${file}-cert.pub`)) return `there is a certificate beside ${file}`
  }
  const keys = (await Promise.all(files.map(readIdentity))).filter((key) => key !== undefined)
  if (keys.length === 0 && !useAgent) return 'no ssh agent and no identity that can be used without a passphrase'
  const agents = useAgent ? [{ type: 'agent', username, agent }] : []
  const identities = keys.map((key) => ({ type: 'publickey', username, key }))
  return {
    username,
    ...(useAgent && { agent }),
    // ssh2 takes a parsed key here too; its types only know the text of one.
    authHandler: [...agents, ...identities] as unknown as AuthenticationType[],
  }
}

/**
 * A private key, or undefined when the file is missing, needs a passphrase, or is of a kind that
 * ssh2 lacks.
 */
async function readIdentity(file: string): Promise<ParsedKey | undefined> {
  const text = await readFile(file).catch(() => undefined)
  if (text === undefined) return undefined
  const { utils } = (await import('ssh2')).default
  const parsed: ParsedKey | Error | ParsedKey[] = utils.parseKey(text)
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  return key === undefined || key instanceof Error || !key.isPrivateKey() ? undefined : key
}

function hostKeyAlgorithms(known: readonly KnownHostKey[]) {
  const types = new Set(known.map(({ type }) => type))
  const names = [...types].flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]))
  return names as NonNullable<NonNullable<ConnectConfig['algorithms']>['serverHostKey']> & string[]
}

function connectError(where: string, error: unknown): StoreError {
  const level = (error as { level?: string }).level
  const said = messageOf(error)
  const otherKey = /host denied/i.test(said)
  const refused = otherKey || level === 'client-authentication' || /no matching/i.test(said)
  const message = otherKey ? 'host key verification failed: it is another than known_hosts has' : said
  const kind = refused ? 'denied' : 'unreachable'
  return new StoreError({ kind, op: 'connect', where, message, sent: 'no', cause: error })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
