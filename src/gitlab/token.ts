import { inspect } from 'node:util'
import { ConfigError } from '../core/errors.ts'

/** What it prints as, wherever it is printed. */
const HIDDEN = '***'

/** Whether a text could be a token. */
export function isTokenLike(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

/** An access token. Nothing that prints, logs or serialises it shows it: it has to be asked for. */
export class Token {
  readonly #value: string

  /**
   * Throws ConfigError, which does not show it, for what cannot be a token. `source` says where it
   * came from.
   */
  constructor(value: string, source: string) {
    // What cannot be in a header would be shown by the error of whoever puts it there.
    if (!isTokenLike(value)) throw new ConfigError(`what ${source} gives is no access token of GitLab`)
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** The text, without the token if it is in it. */
  hideIn(text: string): string {
    return text.replaceAll(this.#value, HIDDEN)
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
