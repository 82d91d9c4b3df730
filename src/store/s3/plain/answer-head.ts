/** What comes before the body of an answer. */
export interface AnswerHead {
  readonly status: number
  /** Names in lower case. Of a name that comes twice, both values, with a comma. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Parses the head of an answer, without the empty line after it. Undefined for what is none of
 * HTTP/1.1, or is one that may be read in more ways than one.
 */
export function parseHead(text: string): AnswerHead | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first) ?? []
  if (status === undefined) return undefined
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (colon < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return undefined
    const value = line.slice(colon + 1).trim()
    if (/[\r\n\0]/.test(value)) return undefined
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  return { status: Number(status), headers }
}
