import { createHmac, hash } from 'node:crypto'

/** A request, as far as its signature covers it. */
export interface Signable {
  readonly method: string
  /** Percent-encoded, from the slash on. There is no query. */
  readonly path: string
  /** Names in lower case. With `host`. */
  readonly headers: Readonly<Record<string, string>>
  readonly content: Uint8Array | undefined
}

/** What requests have that differ in their paths only. */
export interface Signed {
  /** All but the authorization. */
  readonly headers: Record<string, string>
  /** Of the request for a path, percent-encoded from the slash on. */
  readonly authorizationOf: (path: string) => string
}

/** By what it is signed, as the SDK gives it. */
export interface SigningKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Whoever stands between client and server may change these. */
const NOT_SIGNED: ReadonlySet<string> = new Set(['user-agent', 'cache-control'])

/**
 * Signs requests for one object by AWS Signature Version 4 (Amazon S3 API Reference, Authenticating
 * Requests: Using the Authorization Header). The key for a day is derived once.
 */
export class Signer {
  #derivedFrom = ''
  #key: Buffer = Buffer.alloc(0)

  /** Returns the request's headers with those of the signature. */
  sign(request: Signable, region: string, credentials: SigningKeys, date: Date): Record<string, string> {
    const { headers, authorizationOf } = this.prepare(request, region, credentials, date)
    headers.authorization = authorizationOf(request.path)
    return headers
  }

  /** Does what the signatures of requests have together that differ in their paths only. */
  prepare(request: Omit<Signable, 'path'>, region: string, credentials: SigningKeys, date: Date): Signed {
    const { method, content } = request
    const time = date.toISOString().replace(/[-:]|\.\d+/g, '')
    const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
    const headers: Record<string, string> = { ...request.headers, 'x-amz-date': time }
    headers['x-amz-content-sha256'] ??= sha256(content ?? '')
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
    const names = Object.keys(headers)
      .filter((name) => !NOT_SIGNED.has(name))
      .sort()
    let canonical = ''
    for (const name of names) canonical += `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`
    const signed = names.join(';')
    const rest = `${canonical}\n${signed}\n${headers['x-amz-content-sha256']}`
    const key = this.#keyFor(scope, credentials)
    const begin = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=`
    const authorizationOf = (path: string) => {
      const hashed = sha256(`${method}\n${path}\n\n${rest}`)
      const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hashed}`
      return begin + createHmac('sha256', key).update(toSign).digest('hex')
    }
    return { headers, authorizationOf }
  }

  #keyFor(scope: string, { secretAccessKey }: SigningKeys): Buffer {
    const from = `${secretAccessKey}\n${scope}`
    if (from !== this.#derivedFrom) {
      const steps = scope.split('/')
      this.#key = steps.reduce((key: Buffer, step) => hmac(key, step), Buffer.from(`AWS4${secretAccessKey}`))
      this.#derivedFrom = from
    }
    return this.#key
  }
}

function sha256(content: string | Uint8Array): string {
  return hash('sha256', content)
}

function hmac(key: Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest()
}
