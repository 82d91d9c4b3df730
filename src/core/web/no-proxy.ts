import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * Whether a server is one of those that `no_proxy` lists, as curl and git read it: names, which
 * stand for what is below them too, addresses, ranges like `10.0.0.0/8`, each with a port or
 * without, and `*` for all. Separated by commas or white space.
 */
export function isExcluded(list: string, { hostname, port, protocol }: URL): boolean {
  const host = withoutBrackets(hostname.toLowerCase()).replace(/\.$/, '')
  const actualPort = port || (protocol === 'https:' ? '443' : '80')
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '') return false
      if (entry === '*') return true
      const [name, wanted] = splitPort(entry)
      return (wanted === undefined || wanted === actualPort) && isNamedBy(name, host)
    })
}

/** This very computer, which no proxy is asked for, as Go's programs have it too. */
export function isThisComputer(hostname: string): boolean {
  const host = withoutBrackets(hostname.toLowerCase())
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (isIPv4(host) && /^127\./.test(host))
}

function isNamedBy(entry: string, host: string): boolean {
  const version = isIP(host)
  if (version === 0) {
    const name = entry.replace(/^\*?\./, '').replace(/\.$/, '')
    return name !== '' && (host === name || host.endsWith(`.${name}`))
  }
  const [address = '', bits] = withoutBrackets(entry).split('/')
  if (isIP(address) !== version) return false
  const most = version === 4 ? 32 : 128
  const prefix = bits === undefined ? most : Number(bits)
  if (!(prefix >= 0 && prefix <= most)) return false
  const range = new BlockList()
  const family = version === 4 ? 'ipv4' : 'ipv6'
  range.addSubnet(address, prefix, family)
  return range.check(host, family)
}

/** `host:port`, `[::1]:port`; an IPv6 address without brackets has no port. */
function splitPort(entry: string): [name: string, port: string | undefined] {
  const [, name, port] = /^(\[[^\]]*\]|[^:]*):([0-9]+)$/.exec(entry) ?? []
  return name === undefined ? [entry, undefined] : [name, port]
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
