import { S3Client } from '@aws-sdk/client-s3'
import type { GitConfig } from '../../core/git-config.ts'
import { type WebAgent, WebAgents } from '../../core/web/agents.ts'
import type { Route } from '../../core/web/route.ts'
import type { ThawRequest } from '../store.ts'
import { collectAnswer } from './answers.ts'
import type { ObjectSettings } from './attributes.ts'
import { shortenSteps, withCompanion } from './middleware.ts'
import { PlainClient, type SendOptions } from './plain/client.ts'
import { plainRequest } from './plain/request.ts'

export interface S3Settings extends ObjectSettings {
  /** `http[s]://host[:port]`. */
  readonly endpoint: string
  readonly bucket: string
  /** The store's root within the bucket, without slashes at its ends; empty: the bucket itself. */
  readonly prefix?: string
  /** Default: what the endpoint's name or AWS's configuration say, else `us-east-1`. */
  readonly region?: string
  /** Of the AWS configuration files. */
  readonly profile?: string
  /**
   * Or who gives them, again when they expire; `none`: requests are not signed. Default: AWS's
   * standard chain (environment, configuration files, SSO, instance), else none.
   */
  readonly credentials?: S3Credentials | CredentialsProvider | 'none'
  /** Why requests go unsigned, where that was decided: told when the server denies access. */
  readonly unsigned?: string
  /** `virtual`: `bucket.host/key` instead of `host/bucket/key`. */
  readonly addressing?: 'path' | 'virtual'
  /**
   * The size of multipart uploads' parts, at least 5 MiB. It grows with the file, which has 10,000
   * parts at most. Bytes.
   */
  readonly partBytes?: number
  /** Of one file on their way at once, up or down. Default PARALLEL_PARTS. */
  readonly parallelParts?: number
  /**
   * What is asked for when an object that is to be read lies in cold storage. Default: nothing, it
   * cannot be read.
   */
  readonly restore?: ThawRequest
  /** git's configuration: its proxies and authorities count. */
  readonly git?: GitConfig | undefined
  /** Does a part of a call, again if that may help. Default: once. */
  readonly again?: Again
  /**
   * Whether the content goes unsigned. Default: over https, which checks it on the way by itself.
   */
  readonly unsignedPayload?: boolean
  /**
   * So long the server may put objects together without a sign of life. Default
   * ASSEMBLY_SILENCE_MS.
   */
  readonly assemblySilenceMs?: number
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Returns credentials that are good at the moment. */
export type CredentialsProvider = () => Promise<S3Credentials>

export type Again = <T>(call: { readonly signal?: AbortSignal }, work: () => Promise<T>) => Promise<T>

/** Enough for every call that a store's limit lets through, each with its parts. */
const MAX_SOCKETS = 96

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/**
 * The SDK's client for a store, made on first use: only then is it known whether there are
 * credentials.
 */
export class S3Connection {
  readonly #settings: S3Settings
  readonly #agents: WebAgents
  #toEndpoint: WebAgent | undefined
  #client: Promise<S3Client> | undefined
  #plain: PlainClient | undefined
  #anonymous = false

  /** Throws ConfigError when the file with the authorities to trust is of no use. */
  constructor(settings: S3Settings) {
    this.#settings = settings
    const isSecure = settings.endpoint.startsWith('https:')
    this.#agents = new WebAgents({ git: settings.git, aws: true, maxSockets: MAX_SOCKETS, secure: isSecure })
    // It would print a warning about the version of node into git-annex's output.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  }

  /** Requests are not signed, for want of credentials. */
  get anonymous(): boolean {
    return this.#anonymous
  }

  /** Throws what the SDK's credential providers throw. */
  client(): Promise<S3Client> {
    this.#client ??= this.#create()
    // Credentials that could not be got now may be there at the next try.
    this.#client.catch(() => {
      this.#client = undefined
    })
    return this.#client
  }

  /**
   * Sends a request: those for one object without the SDK, where they are plain enough. What it
   * throws is the SDK's, or Refused.
   */
  async send(command: { readonly input: object }, options: SendOptions): Promise<unknown> {
    const request = this.#settings.addressing === 'virtual' ? undefined : plainRequest(command)
    if (request === undefined) return (await this.client()).send(withCompanion(command, options) as never)
    return (await this.#plainClient()).send(request, options)
  }

  /** The client for plain requests. Undefined where none are sent. Throws as `client` does. */
  async plain(): Promise<PlainClient | undefined> {
    return this.#settings.addressing === 'virtual' ? undefined : this.#plainClient()
  }

  /** Ends all connections. */
  close(): void {
    this.#plain?.close()
    this.#agents.destroy()
  }

  /** How the server is asked. Undefined where no proxy is set. */
  get route(): Route | undefined {
    return this.#toEndpoint?.route
  }

  async #create(): Promise<S3Client> {
    const { credentials, profile } = this.#settings
    this.#toEndpoint = await this.#agents.agentFor(this.#address)
    if (credentials === 'none') return this.#anonymousClient()
    if (credentials !== undefined) return this.#clientWith({ credentials })
    const client = this.#clientWith(profile === undefined ? {} : { profile })
    try {
      await client.config.credentials()
      return client
    } catch (error) {
      if (!hasNone(error)) throw error
      const wanted = profile ?? process.env.AWS_PROFILE
      if (wanted) throw Object.assign(new Error(`the profile ${wanted} has none`), { name: 'CredentialsProviderError' })
      return this.#anonymousClient()
    }
  }

  /** Where requests go. */
  get #address(): URL {
    const { endpoint, bucket, addressing } = this.#settings
    const url = new URL(endpoint)
    if (addressing === 'virtual') url.hostname = `${bucket}.${url.hostname}`
    return url
  }

  async #plainClient(): Promise<PlainClient> {
    if (this.#plain !== undefined) return this.#plain
    const client = await this.client()
    const to = await this.#agents.agentFor(this.#address)
    this.#plain ??= new PlainClient({ endpoint: this.#address, to, client, anonymous: this.#anonymous })
    return this.#plain
  }

  #anonymousClient(): S3Client {
    this.#anonymous = true
    return this.#clientWith(ANONYMOUS)
  }

  #clientWith(identity: object): S3Client {
    const { endpoint, addressing } = this.#settings
    let region: Promise<string> | undefined
    const client = new S3Client({
      endpoint,
      region: () => {
        region ??= this.#region() // asked for by every request
        return region
      },
      forcePathStyle: addressing !== 'virtual',
      ...identity,
      // The wrappers of every store try again and watch for stalls.
      maxAttempts: 1,
      requestHandler: { ...this.#handlerAgents(), socketTimeout: 0 },
      // Old servers refuse the trailer with a checksum that the SDK would add.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // The handler would not wait for the answer on connections that it was given.
      expectContinueHeader: false,
      // None of these is for endpoints of one's own, and the environment may hold them.
      useDualstackEndpoint: false,
      useFipsEndpoint: false,
      disableS3ExpressSessionAuth: true,
      defaultsMode: 'legacy',
      logger: SILENT,
      cacheMiddleware: true,
      streamCollector: collectAnswer,
    })
    return shortenSteps(client)
  }

  /**
   * The SDK asks others too, for credentials, by https: an agent finds out how to reach each. Plain
   * http goes to the endpoint alone.
   */
  #handlerAgents() {
    const { agent } = this.#toEndpoint ?? {}
    const isSecure = this.#settings.endpoint.startsWith('https:')
    return { httpsAgent: this.#agents.forHttps(), ...(agent !== undefined && !isSecure && { httpAgent: agent }) }
  }

  async #region(): Promise<string> {
    const { region, endpoint, profile } = this.#settings
    const named = region ?? regionOf(new URL(endpoint).hostname)
    if (named !== undefined) return named
    const configured = new S3Client(profile === undefined ? {} : { profile }).config.region()
    return configured.catch(() => 'us-east-1')
  }
}

/** Requests go out as they are. */
const ANONYMOUS = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: async <T>(request: T): Promise<T> => request },
}

/**
 * The end of AWS's chain: nobody had any. Whoever had some that are of no use says another thing.
 */
function hasNone(error: unknown): boolean {
  return error instanceof Error && /^Could not load credentials from any providers/.test(error.message)
}

/** `s3.eu-west-1.amazonaws.com` and its older spellings. */
function regionOf(hostname: string): string | undefined {
  return /^(?:.*\.)?s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1]
}
