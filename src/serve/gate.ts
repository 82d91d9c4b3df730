import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIPv6, type Socket } from 'node:net'
import { type AccessRules, type DatasetNames, hashOf, readRules } from './access-file.ts'
import { NotLetInError } from './failures.ts'

/** Who asks, and what they may read. */
export interface Reader {
  /** Of a user, or `token:` and the name of a token; undefined: nobody in particular. */
  readonly name: string | undefined
  /** The address of the client, by the word of a proxy that is believed. */
  readonly client: string
  readonly datasets: DatasetNames
}

/** What of a request says who asks. */
export interface Asked {
  readonly headers: IncomingHttpHeaders
  readonly socket: Pick<Socket, 'remoteAddress'>
}

export interface GateOptions {
  /** Who may read what; undefined: everybody everything. */
  readonly accessFile?: string | undefined
  /** Addresses of proxies whose word is taken for who asks: `127.0.0.1`, `10.0.0.0/8`, `::1`. */
  readonly proxies?: BlockList | undefined
  /** The header in which they say it, in lower case. */
  readonly identityHeader?: string | undefined
}

/** By which an access file is known to be the same. */
type FileFacts = Pick<Stats, 'ino' | 'mtimeMs' | 'size'>

/** A change of the access file counts after so long. ms. */
const RULES_MS = 1_000

const EVERYTHING: DatasetNames = ['*']

/** Finds out who asks, and what they may read. */
export class Gate {
  readonly #options: GateOptions
  readonly #stat: (file: string) => Promise<FileFacts>
  #known: { readonly atMs: number; readonly rules: Promise<AccessRules> } | undefined
  #read: { readonly identity: string; readonly rules: AccessRules } | undefined

  /** `look`: how the access file is looked at. Default: as the system has it. */
  constructor(options: GateOptions, look: (file: string) => Promise<FileFacts> = (file) => stat(file)) {
    this.#options = options
    this.#stat = look
  }

  /** Some may read what others may not. */
  get isGuarded(): boolean {
    return this.#options.accessFile !== undefined
  }

  /**
   * Who asks. Throws NotLetInError for a token that is none, or is not good any more, whatever is
   * asked for; ConfigError when it cannot be seen who may read what.
   */
  async admit(request: Asked): Promise<Reader> {
    const isProxy = this.#isProxy(request.socket.remoteAddress)
    const client = clientOf(request, isProxy)
    const name = isProxy ? this.#identityOf(request) : undefined
    if (!this.isGuarded) return { name, client, datasets: EVERYTHING }
    const rules = await this.#rules()
    const token = tokenOf(request.headers.authorization)
    if (token !== undefined) {
      const hash = hashOf(token)
      const [known, stored] = Object.entries(rules.tokens).find(([, each]) => each.hash === hash) ?? []
      const isGood = stored && (stored.expires === undefined || Date.parse(stored.expires) > Date.now())
      if (!isGood) throw new NotLetInError(401)
      return { name: `token:${known}`, client, datasets: [...rules.public, ...stored.datasets] }
    }
    const own = name !== undefined && Object.hasOwn(rules.users, name) ? (rules.users[name] ?? []) : []
    return { name, client, datasets: [...rules.public, ...own] }
  }

  #isProxy(address: string | undefined): boolean {
    const { proxies } = this.#options
    if (proxies === undefined || address === undefined) return false
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
    return proxies.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }

  #identityOf({ headers }: Asked): string | undefined {
    const value = headers[this.#options.identityHeader ?? '']
    // Two of them are joined by node: then nobody knows which one the proxy wrote.
    return typeof value === 'string' && value !== '' && !value.includes(',') ? value : undefined
  }

  /** Looked at again when the file is another. */
  #rules(): Promise<AccessRules> {
    if (this.#known === undefined || performance.now() - this.#known.atMs >= RULES_MS) {
      this.#known = { atMs: performance.now(), rules: this.#look(this.#options.accessFile ?? '') }
      this.#known.rules.catch(() => {
        this.#known = undefined
      })
    }
    return this.#known.rules
  }

  async #look(file: string): Promise<AccessRules> {
    // Nobody is let in by rules that were, and whoever runs the server is told.
    const refuse = () => {
      throw new NotLetInError(503)
    }
    const { ino, mtimeMs, size } = await this.#stat(file).catch(refuse)
    const identity = `${ino} ${mtimeMs} ${size}`
    if (this.#read?.identity === identity) return this.#read.rules
    const rules = (await readRules(file).catch(refuse)) ?? refuse()
    this.#read = { identity, rules }
    return rules
  }
}

/** Reads addresses and networks. Throws RangeError for what is none. */
export function parseProxies(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    try {
      if (bits === undefined) list.addAddress(address, family)
      else list.addSubnet(address, /^\d+$/.test(bits) ? Number(bits) : -1, family)
    } catch {
      throw new RangeError(`${JSON.stringify(text)} is no address of a proxy: 127.0.0.1, ::1 and 10.0.0.0/8 are`)
    }
  }
  return list
}

/** A proxy adds the address of whom it heard to the end of what it got. */
function clientOf({ socket, headers }: Asked, isProxy: boolean): string {
  const address = socket.remoteAddress ?? ''
  if (!isProxy) return address
  const said = String(headers['x-forwarded-for'] ?? '')
  return said.split(',').at(-1)?.trim() || address
}

/** As a bearer token, or as the password of any user: git and WebDAV clients know only that. */
function tokenOf(header: string | undefined): string | undefined {
  const [, scheme = '', value = ''] = /^(\w+) +(.+)$/.exec(header ?? '') ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return header === undefined ? undefined : ''
  const text = Buffer.from(value, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}
