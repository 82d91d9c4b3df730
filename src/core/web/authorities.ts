import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { ConfigError, messageOf } from '../errors.ts'
import type { GitConfig } from '../git-config.ts'
import { hasHttpSetting, httpSetting } from './url-match.ts'

/** What an https agent needs to trust other authorities than node's own; nothing: node's own. */
export interface Trust {
  readonly secureContext?: SecureContext
}

export interface TrustSources {
  readonly git: GitConfig | undefined
  /** AWS_CA_BUNDLE counts, which is for S3 only. */
  readonly aws: boolean
}

/** What names a file with certificates, in PEM. */
interface Named {
  readonly by: string
  readonly file: string
}

/**
 * Returns whom to trust where the environment alone decides; undefined where git's configuration
 * has to be asked for each server. Throws ConfigError when a file cannot be read, or is none of
 * certificates.
 */
export function trustOfEnvironment(sources: TrustSources): Trust | undefined {
  const first = firstVariable(sources)
  if (first === undefined && hasHttpSetting(sources.git, SETTING)) return undefined
  return trust(first ?? variable('SSL_CERT_FILE'))
}

/**
 * Returns whom to trust for a server: the authorities in the file that is named first by
 * AWS_CA_BUNDLE (for S3), git's http.sslCAInfo, and SSL_CERT_FILE, with those that
 * NODE_EXTRA_CA_CERTS adds. Where none is named, node's own. Throws ConfigError as above.
 */
export async function trustFor(url: URL, sources: TrustSources): Promise<Trust> {
  const ofEnvironment = trustOfEnvironment(sources)
  if (ofEnvironment !== undefined) return ofEnvironment
  const file = await httpSetting(sources.git, SETTING, url, 'path')
  return trust(file ? { by: 'http.sslCAInfo', file } : variable('SSL_CERT_FILE'))
}

/** As git prints it. */
const SETTING = 'sslcainfo'

function firstVariable({ aws }: TrustSources): Named | undefined {
  return aws ? variable('AWS_CA_BUNDLE') : undefined
}

function variable(by: string): Named | undefined {
  const { [by]: file } = process.env
  return file ? { by, file } : undefined
}

function trust(named: Named | undefined): Trust {
  if (named === undefined) return {}
  const extra = variable('NODE_EXTRA_CA_CERTS')
  const files = [named, ...(extra === undefined ? [] : [extra])]
  // Made once: to read them anew for each connection would cost more than the connection.
  return { secureContext: createSecureContext({ ca: files.map(readAuthorities) }) }
}

function readAuthorities({ by, file }: Named): string {
  try {
    const text = readFileSync(file, 'latin1')
    new X509Certificate(text) // throws when there is none; the context would pass that over
    return text
  } catch (error) {
    throw new ConfigError(`${by} names ${file}, of which no authorities can be read: ${messageOf(error)}`)
  }
}
