import { createHash } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import { packingOf } from '../common/http-packed.ts'
import { expectAnswer } from './answers.ts'
import { guardToken, type SignedRequest } from './token-guard.ts'

/**
 * What a request takes along that is no member of it: the SDK passes it by, and our own steps read
 * it.
 */
interface Companion {
  /** Ends the request. */
  readonly signal?: AbortSignal
  /** Called last of all before it is sent; what it throws is thrown. */
  readonly mayChange?: (() => void) | undefined
  /** Of the content, for the signature: the SDK would not sign a stream. */
  readonly payloadHash?: string
  /**
   * The checksum that older servers want of some requests, and which the SDK has given up for
   * others: of the content, as the header Content-MD5 has it, or `true` for that of the request's
   * XML.
   */
  readonly md5?: string | true | undefined
  /** Called when the answer begins, and with each part of it that comes. */
  readonly onAnswer?: (() => void) | undefined
}

interface Command {
  readonly input: object
}

interface Step {
  readonly input: object
  readonly request: unknown
}

interface Request {
  readonly body: string
  readonly headers: Record<string, string>
}

type Next = (step: Step) => Promise<unknown>

const COMPANION = Symbol('what goes with the request')

/**
 * Steps of the SDK's that do nothing for a store in one bucket with an endpoint of its own, each at
 * a price per request.
 */
const NEEDLESS = [
  'loggerMiddleware',
  'validateBucketNameMiddleware',
  'regionRedirectMiddleware',
  'addExpectContinueMiddleware',
  's3ExpressMiddleware',
  'getUserAgentMiddleware',
  'recursionDetectionMiddleware',
]

export function withCompanion<C extends Command>(command: C, companion: Companion): C {
  Object.assign(command.input, { [COMPANION]: { ...companionOf(command.input), ...companion } })
  return command
}

/**
 * Makes the SDK's chain of steps short, and the same for all requests of a kind. So it is made
 * once, if nobody hands `send` any options: what differs from request to request comes as its
 * companion.
 */
export function shortenSteps(client: S3Client): S3Client {
  const stack = client.middlewareStack
  for (const name of NEEDLESS) stack.remove(name)
  stack.add(addHeaders as never, { step: 'build', name: 'addHeaders' } as never)
  const handler = client.config.requestHandler
  const send = () => async (step: Step) => {
    const { signal, onAnswer, mayChange } = companionOf(step.input)
    const request = step.request as Request
    // Not signed: what stands between may change it. Packed content would make every length a lie.
    request.headers['accept-encoding'] = 'identity'
    await guardToken(step.request as SignedRequest)
    mayChange?.()
    const sent = await handler.handle(request as never, signal === undefined ? {} : { abortSignal: signal })
    onAnswer?.()
    const { headers, body } = sent.response
    expectAnswer(body, packingOf(headers['content-encoding']), onAnswer)
    return sent
  }
  stack.add(send as never, { step: 'deserialize', priority: 'low', name: 'send' } as never)
  return client
}

/** As the header Content-MD5 has it. */
export function md5(content: string | Uint8Array): string {
  return createHash('md5').update(content).digest('base64')
}

function addHeaders(next: Next): Next {
  return (step) => {
    const { body, headers } = step.request as Request
    const { payloadHash, md5: wanted } = companionOf(step.input)
    headers['user-agent'] = 'riastore'
    if (payloadHash !== undefined) headers['x-amz-content-sha256'] = payloadHash
    if (wanted !== undefined) headers['content-md5'] = wanted === true ? md5(body) : wanted
    return next(step)
  }
}

/** What goes along with a command's request. */
export function companionOf(input: object): Companion {
  return (input as { [COMPANION]?: Companion })[COMPANION] ?? {}
}
