import { ConfigError } from '../core/errors.ts'
import { unescapeText } from '../ria/url.ts'
import { encodePath } from '../store/common/http-wire.ts'

/** A name as one part of a path in a URL, whatever bytes it has. */
export function escapePart(name: string): string {
  return encodePath(name).replaceAll('/', '%2F')
}

/** The name that a part of a path stands for. Throws ConfigError for an escape that is none. */
export function unescapePart(part: string): string {
  if (/%(?![0-9a-f]{2})/i.test(part)) throw new ConfigError('the path has an escape that is none')
  return unescapeText(part)
}
