import { createHash, createHmac } from 'node:crypto'

/** A request, as far as its signature covers it. */
export interface Signable {
  readonly method: string
  /** Percent-encoded, from the slash on. There is no query. */
  readonly path: string
  /** Names in lower case. With `host`. */
  readonly headers: Readonly<Record<string, string>>
  readonly content: Uint8Array | undefined
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
    const { method, path, content } = request
    const time = date.toISOString().replace(/[-:]|\.\d+/g, '')
    const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
    const headers: Record<string, string> = { ...request.headers, 'x-amz-date': time }
    headers['x-amz-content-sha256'] ??= sha256(content ?? '')
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
    const names = Object.keys(headers)
      .filter((name) => !NOT_SIGNED.has(name))
      .sort()
    let canonical = `${method}\n${path}\n\n`
    for (const name of names) canonical += `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`
    const signed = names.join(';')
    const hashed = sha256(`${canonical}\n${signed}\n${headers['x-amz-content-sha256']}`)
    const signature = createHmac('sha256', this.#keyFor(scope, credentials))
      .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${hashed}`)
      .digest('hex')
    const who = `Credential=${credentials.accessKeyId}/${scope}`
    headers.authorization = `AWS4-HMAC-SHA256 ${who}, SignedHeaders=${signed}, Signature=${signature}`
    return headers
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
  return createHash('sha256').update(content).digest('hex')
}

function hmac(key: Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest()
}
