import { ConfigError } from '../core/errors.ts'
import type { Exchange } from './exchange.ts'
import { unescapePart } from './url-part.ts'

/**
 * The parts of the path, without escapes; undefined when the request was refused. `hosts`: names,
 * in lower case, to which we answer besides those of this computer; undefined: to all.
 */
export function requirePath(
  exchange: Exchange,
  methods: readonly string[],
  hosts: ReadonlySet<string> | undefined,
): readonly string[] | undefined {
  const { method = '', url = '/', headers } = exchange.request
  // What it may have for a body; that of a PROPFIND is read.
  if (method !== 'PROPFIND') exchange.request.resume()
  if (!methods.includes(method)) {
    exchange.answer(405, 'text/plain', 'this server is for reading\n', { Allow: methods.join(', ') })
    return undefined
  }
  // A proxy may have taken another of them for the name that was meant.
  if (exchange.request.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length > 1) {
    exchange.answer(400, 'text/plain', 'the request names two hosts\n', { Connection: 'close' })
    return undefined
  }
  // A page elsewhere may have had its own name point to this computer.
  if (!answersTo(headers.host, hosts)) {
    const message = 'this server answers only to localhost, unless it is started with --host NAME, or --public\n'
    exchange.answer(421, 'text/plain', message)
    return undefined
  }
  return partsOf(url)
}

/** Whether we answer to the name in a Host header. `hosts` as for `requirePath`. */
export function answersTo(host: string | undefined, hosts: ReadonlySet<string> | undefined): boolean {
  return hosts === undefined || isLoopbackName(host) || hosts.has(nameOf(host))
}

/** Throws ConfigError for what can be no path of ours. */
function partsOf(url: string): readonly string[] {
  const path = oneSlash(url.split('?')[0] ?? '')
  const parts = path.slice(1).split('/').map(unescapePart)
  const isClean = parts.every((part, i) => isName(part) || (part === '' && i === parts.length - 1))
  if (!path.startsWith('/') || !isClean) throw new ConfigError('the path is not one')
  return parts
}

/** Clients join the store's address and a path as they like. */
export function oneSlash(path: string): string {
  return path.replace(/\/{2,}/g, '/')
}

/** A ref has slashes, as `%2F`; where a name may have none no dataset has it. */
function isName(part: string): boolean {
  return (
    part !== '' && part.split('/').every((each) => each !== '' && each !== '.' && each !== '..') && !part.includes('\0')
  )
}

/** Of a Host header, without its port. */
function nameOf(host = ''): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

function isLoopbackName(host: string | undefined): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host ?? '')
}
