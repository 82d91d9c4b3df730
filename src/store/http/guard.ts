import { randomBytes } from 'node:crypto'
import { StoreError } from '../../core/errors.ts'
import { type Answer, drop, type HttpClient, type HttpRequest } from '../common/http-client.ts'
import { isAbsentStatus, statusError } from '../common/http-status.ts'

/** Hexadecimal digits in a name that nobody has. */
const RANDOM_DIGITS = 32

/**
 * A path that nobody has a file at, in the directory of another one and like it: as long, where
 * that is possible, and with the same extensions. Servers that show a page for what they do not
 * have often decide by those.
 */
export function nobodysNeighbour(path: string): string {
  const at = path.lastIndexOf('/') + 1
  const name = path.slice(at)
  const [extensions = ''] = /(?<=.)(?:\.[A-Za-z0-9]{1,8}){1,3}$/.exec(name) ?? []
  const stem = [...name.slice(0, name.length - extensions.length)]
  const kept = stem.slice(0, Math.max(0, stem.length - RANDOM_DIGITS)).join('')
  return path.slice(0, at) + kept + randomBytes(RANDOM_DIGITS / 2).toString('hex') + extensions
}

/**
 * Asks a web server for a file that nobody has, in the same way as for the one that is looked for
 * (`where`, for errors). Resolves with undefined when the server says 404 or 410: then its success
 * for another file means something. Resolves with an error when it refuses to say: such a server
 * tells what it has from what it has not, but proves nothing. Throws `unsupported` when it shows
 * something all the same: then none of its answers means anything. Throws what the request does,
 * and `transient` when the server cannot answer now.
 */
export async function askForNothing(
  client: HttpClient,
  request: HttpRequest,
  where: string,
): Promise<StoreError | undefined> {
  const { op } = request
  const answer = await client.request({ ...request, where })
  const { status, host, response } = answer
  await drop(answer)
  if (isAbsentStatus(status) && !answer.isDirectory) return undefined
  const refusal = statusError(op, where, host, status, response.statusMessage)
  if (refusal.kind === 'transient') throw refusal
  const answers = `${host} answers ${whatItShows(answer)}`
  if (status >= 400 && status !== 416) {
    const message = `${answers} for a file that nobody has: only 404 or 410 would prove anything`
    return new StoreError({ kind: refusal.kind, op, where, message })
  }
  const message = `${answers} for a file that nobody has, so its answers prove nothing`
  throw new StoreError({ kind: 'unsupported', op, where, message })
}

function whatItShows({ status, isDirectory, response }: Answer): string {
  if (isDirectory) return `${status} (a directory)`
  const type = response.headers['content-type']?.split(';', 1)[0]?.trim()
  return type === undefined || type === '' ? `${status}` : `${status} (${type})`
}
