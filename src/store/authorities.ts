import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { ConfigError, messageOf } from '../core/errors.ts'

/** Environment variables that name a file with the certificates of authorities, in PEM. */
export type AuthoritiesVariable = 'AWS_CA_BUNDLE' | 'SSL_CERT_FILE'

/**
 * Returns what an https agent needs to trust other authorities than node's own: those in the file
 * that the first of the variables names which is set, as the AWS CLI and OpenSSL's programs have
 * it, and those that NODE_EXTRA_CA_CERTS adds. Nothing where none is set: then node's own are
 * trusted. Throws ConfigError when a file cannot be read, or is none of certificates.
 */
export function trustedAuthorities(...variables: readonly AuthoritiesVariable[]): { secureContext?: SecureContext } {
  const name = variables.find((each) => process.env[each])
  if (name === undefined) return {}
  const names = [name, ...(process.env.NODE_EXTRA_CA_CERTS ? (['NODE_EXTRA_CA_CERTS'] as const) : [])]
  // Made once: to read them anew for each connection would cost more than the connection.
  return { secureContext: createSecureContext({ ca: names.map(readAuthorities) }) }
}

function readAuthorities(variable: AuthoritiesVariable | 'NODE_EXTRA_CA_CERTS'): string {
  const file = process.env[variable] ?? ''
  try {
    const text = readFileSync(file, 'latin1')
    new X509Certificate(text) // throws when there is none; the context would pass that over
    return text
  } catch (error) {
    throw new ConfigError(`${variable} names ${file}, of which no authorities can be read: ${messageOf(error)}`)
  }
}
