/** Values of headers of HTTP. */
export interface FileHeaders {
  /** Content-Type. */
  readonly type: string
  /** Cache-Control. */
  readonly caching: string
}
