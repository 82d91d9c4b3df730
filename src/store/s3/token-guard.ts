import { isIPv4 } from 'node:net'
import { StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'

/** What the guard looks at in a request that is about to leave. */
export interface SignedRequest {
  readonly protocol: string
  readonly hostname: string
  readonly headers: Readonly<Record<string, string>>
}

/** Lets tokens go over plain http. In git's configuration. */
const SETTING = 'riastore.s3TokenOverHttp'

let allowed: Promise<boolean> | undefined

/**
 * Throws StoreError `denied` for a request that would show a session token to the network: unlike a
 * signature, it is sent as it is. To this very computer it may go, and anywhere with
 * riastore.s3TokenOverHttp.
 */
export async function guardToken({ protocol, hostname, headers }: SignedRequest): Promise<void> {
  if (protocol !== 'http:' || headers['x-amz-security-token'] === undefined || isLoopback(hostname)) return
  allowed ??= isAllowed()
  if (await allowed) return
  const message = `the session token of the AWS credentials would go over plain http: use https, or git config --global ${SETTING} true`
  throw new StoreError({ kind: 'denied', op: 'connect', where: `${protocol}//${hostname}`, message, sent: 'no' })
}

/** Whether a name or address can only be this computer. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'))
}

/** Asked only when it matters. What cannot be read allows nothing. */
async function isAllowed(): Promise<boolean> {
  const { code, stdout } = await run('git', ['config', '--type=bool', '--get', SETTING]).catch(() => ({
    code: -1,
    stdout: '',
  }))
  return code === 0 && stdout.toString().trim() === 'true'
}
