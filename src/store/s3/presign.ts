import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Calls } from '../common/calls.ts'
import { encodePath } from '../common/http-wire.ts'
import type { CallOptions } from '../store.ts'
import { S3Calls } from './calls.ts'
import type { S3Settings } from './client.ts'

/** S3's own limit for a link (Amazon S3 User Guide, Sharing objects with presigned URLs). ms. */
export const MAX_LINK_MS = 7 * 24 * 60 * 60 * 1000

/** A link that leads to an object without further credentials. */
export interface S3Link {
  readonly url: string
  /** Undefined for the address of a public object, which does not expire. */
  readonly expires: Date | undefined
}

export interface LinkOptions extends CallOptions {
  /** 1000 to MAX_LINK_MS. */
  readonly lifeMs: number
  /** Under which a browser stores it. */
  readonly fileName: string
}

export interface S3Links {
  /** Makes a link to an object; whether there is one is not looked at. Throws StoreError. */
  linkTo(path: string, options: LinkOptions): Promise<S3Link>
  close(): Promise<void>
}

/** Makes links to the objects of a store. */
export function openS3Links(settings: S3Settings): S3Links {
  const s3 = new S3Calls(settings)
  const running = new Calls()
  return {
    linkTo: (path, options) => {
      const where = s3.where(path)
      return running.run('make a link to', where, options.signal, async ({ signal }) => {
        const Key = s3.key('make a link to', path)
        const call = { op: 'make a link to', where, signal }
        // Whoever has no credentials signs nothing: the object can be read by its address, or not
        // at all.
        return s3.prepare(call, async (client) =>
          s3.server.anonymous
            ? { url: `${settings.endpoint}/${encodePath(`${s3.bucket}/${Key}`)}`, expires: undefined }
            : sign(client, { Bucket: s3.bucket, Key }, options),
        )
      })
    },
    close: async () => {
      running.close()
      await s3.close()
    },
  }
}

/** The parts of the SDK's request that a signature is made of. */
interface Request {
  headers: Record<string, string>
  query: Record<string, string | string[] | null>
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
}

interface Presigner {
  presign(request: Request, options: { expiresIn: number; signingDate: Date }): Promise<Request>
}

async function sign(
  client: S3Client,
  target: { readonly Bucket: string; readonly Key: string },
  { lifeMs, fileName }: LinkOptions,
): Promise<S3Link> {
  const name = `attachment; filename*=UTF-8''${encodeURIComponent(fileName).replace(/['()*]/g, percent)}`
  const get = new GetObjectCommand({ ...target, ResponseContentDisposition: name })
  const signingDate = new Date()
  let url = ''
  // The request is built as if it were to be sent, and kept.
  const keep = () => async (step: { readonly request: unknown }) => {
    const request = step.request as Request
    const { hostname, port } = request
    request.headers = {
      host: port === undefined ? hostname : `${hostname}:${port}`,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    }
    const { 'x-id': _note, ...query } = request.query
    request.query = query
    const signer = (await client.config.signer()) as unknown as Presigner
    url = addressOf(await signer.presign(request, { expiresIn: Math.floor(lifeMs / 1000), signingDate }))
    return { response: {}, output: { $metadata: {} } }
  }
  get.middlewareStack.add(keep as never, { step: 'build', priority: 'low', name: 'keep' } as never)
  await client.send(get, {}) // with options, a chain of its own
  const { expiration } = await client.config.credentials()
  const expires = Math.min(signingDate.getTime() + lifeMs, expiration?.getTime() ?? Number.POSITIVE_INFINITY)
  return { url, expires: new Date(expires) }
}

function addressOf({ protocol, hostname, port, path, query }: Request): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((each) => `${encode(name)}=${encode(each)}`),
  )
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}?${pairs.join('&')}`
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, percent)
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
