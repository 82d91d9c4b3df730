import { printable } from '../core/printable.ts'

/**
 * The messages of git-annex's external special remote protocol, version 1, as far as a remote
 * without exports needs them. Every union has its parse and its format, each the other's inverse.
 * Source: design/external_special_remote_protocol.
 */

/** What git-annex asks of us. */
export type Request =
  | { readonly verb: 'EXTENSIONS'; readonly extensions: readonly string[] }
  | {
      readonly verb:
        | 'LISTCONFIGS'
        | 'INITREMOTE'
        | 'PREPARE'
        | 'EXPORTSUPPORTED'
        | 'GETCOST'
        | 'GETAVAILABILITY'
        | 'GETINFO'
    }
  | KeyRequest
  | { readonly verb: 'WHEREIS'; readonly key: string }
  | { readonly verb: 'CLAIMURL' | 'CHECKURL'; readonly url: string }

/** The requests whose reply repeats the key. */
export type KeyRequest =
  | { readonly verb: 'TRANSFER'; readonly direction: Direction; readonly key: string; readonly file: string }
  | { readonly verb: 'CHECKPRESENT' | 'REMOVE'; readonly key: string }

export type Direction = 'STORE' | 'RETRIEVE'

/** What git-annex answers when we ask it something. */
export type Answer =
  | { readonly verb: 'VALUE'; readonly value: string }
  | { readonly verb: 'CREDS'; readonly user: string; readonly password: string }

/** Either side's last word. */
export type Failure = { readonly verb: 'ERROR'; readonly message: string }

/** A line that is none of these: a verb that we do not know, or not with its parameters. */
export type Unknown = { readonly verb: 'UNKNOWN'; readonly line: string }

/** What we reply to a request. */
export type Reply =
  | { readonly verb: 'EXTENSIONS'; readonly extensions: readonly string[] }
  | { readonly verb: 'CONFIG'; readonly name: string; readonly description: string }
  | { readonly verb: 'INITREMOTE-FAILURE' | 'PREPARE-FAILURE'; readonly message: string }
  | { readonly verb: 'TRANSFER-SUCCESS'; readonly direction: Direction; readonly key: string }
  | { readonly verb: 'TRANSFER-FAILURE'; readonly direction: Direction; readonly key: string; readonly message: string }
  | { readonly verb: 'CHECKPRESENT-SUCCESS' | 'CHECKPRESENT-FAILURE' | 'REMOVE-SUCCESS'; readonly key: string }
  | { readonly verb: 'CHECKPRESENT-UNKNOWN' | 'REMOVE-FAILURE'; readonly key: string; readonly message: string }
  | { readonly verb: 'WHEREIS-SUCCESS'; readonly place: string }
  | { readonly verb: 'COST'; readonly cost: number }
  | { readonly verb: 'AVAILABILITY'; readonly availability: 'GLOBAL' | 'LOCAL' }
  | { readonly verb: 'INFOFIELD'; readonly name: string }
  | { readonly verb: 'INFOVALUE'; readonly value: string }
  | { readonly verb: WordReply }

type WordReply =
  | 'CONFIGEND'
  | 'INFOEND'
  | 'INITREMOTE-SUCCESS'
  | 'PREPARE-SUCCESS'
  | 'EXPORTSUPPORTED-FAILURE'
  | 'CLAIMURL-FAILURE'
  | 'WHEREIS-FAILURE'
  | 'UNSUPPORTED-REQUEST'

/** What we say or ask while a request is under way. */
export type Aside =
  | { readonly verb: 'PROGRESS'; readonly bytes: number }
  | { readonly verb: 'GETCONFIG' | 'GETCREDS'; readonly name: string }
  | { readonly verb: 'SETCONFIG'; readonly name: string; readonly value: string }
  | { readonly verb: 'SETCREDS'; readonly name: string; readonly user: string; readonly password: string }
  | { readonly verb: 'GETUUID' | 'GETGITDIR' | 'GETGITREMOTENAME' }
  | { readonly verb: 'DEBUG' | 'INFO'; readonly message: string }

export type Incoming = Request | Answer | Failure | Unknown

/**
 * Splits off the first `count` parameters; the last one keeps its spaces. undefined when there are
 * fewer.
 */
function parameters(text: string | undefined, count: number): readonly string[] | undefined {
  if (text === undefined) return count === 0 ? [] : undefined
  if (count === 0) return undefined
  const parts = text.split(' ')
  if (parts.length < count) return undefined
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(' ')]
}

type Parser = (parameters: readonly string[]) => Request | Answer | Failure | undefined

const word = <V extends Request['verb']>(verb: V) => [0, () => ({ verb }) as Request] as const
const keyed = (verb: 'CHECKPRESENT' | 'REMOVE' | 'WHEREIS') =>
  [1, ([key = '']: readonly string[]) => (key === '' ? undefined : { verb, key })] as const

/** Each verb's number of parameters and what they mean. */
const PARSERS: Readonly<Record<Exclude<Incoming['verb'], 'UNKNOWN'>, readonly [number, Parser]>> = {
  EXTENSIONS: [1, ([list = '']) => ({ verb: 'EXTENSIONS', extensions: list.split(' ').filter((name) => name !== '') })],
  LISTCONFIGS: word('LISTCONFIGS'),
  INITREMOTE: word('INITREMOTE'),
  PREPARE: word('PREPARE'),
  EXPORTSUPPORTED: word('EXPORTSUPPORTED'),
  GETCOST: word('GETCOST'),
  GETAVAILABILITY: word('GETAVAILABILITY'),
  GETINFO: word('GETINFO'),
  TRANSFER: [3, parseTransfer],
  CHECKPRESENT: keyed('CHECKPRESENT'),
  REMOVE: keyed('REMOVE'),
  WHEREIS: keyed('WHEREIS'),
  CLAIMURL: [1, ([url = '']) => ({ verb: 'CLAIMURL', url })],
  CHECKURL: [1, ([url = '']) => ({ verb: 'CHECKURL', url })],
  VALUE: [1, ([value = '']) => ({ verb: 'VALUE', value })],
  CREDS: [2, ([user = '', password = '']) => ({ verb: 'CREDS', user, password })],
  ERROR: [1, ([message = '']) => ({ verb: 'ERROR', message })],
}

function parseTransfer([direction, key = '', file = '']: readonly string[]): Request | undefined {
  if ((direction !== 'STORE' && direction !== 'RETRIEVE') || key === '' || file === '') return undefined
  return { verb: 'TRANSFER', direction, key, file }
}

/** Reads a line from git-annex, without its job number. Never throws. */
export function parseMessage(line: string): Incoming {
  const space = line.indexOf(' ')
  const verb = space < 0 ? line : line.slice(0, space)
  const rest = space < 0 ? undefined : line.slice(space + 1)
  if (!Object.hasOwn(PARSERS, verb)) return { verb: 'UNKNOWN', line }
  const [count, parse] = PARSERS[verb as keyof typeof PARSERS]
  // git-annex leaves out the space before a single empty parameter in some versions.
  const given = parameters(rest ?? (count === 1 ? '' : undefined), count)
  return (given && parse(given)) ?? { verb: 'UNKNOWN', line }
}

/** What git-annex shows to its user, as it is; keys and settings are data. */
const SHOWN: ReadonlySet<string> = new Set(['message', 'place'])

/**
 * The line of a message, without its end. A line break in a parameter becomes a space: it would be
 * another message. What git-annex shows is made safe for a terminal.
 */
export function formatMessage(message: Incoming | Reply | Aside): string {
  if (message.verb === 'UNKNOWN') return message.line
  const { verb, ...fields } = message
  const values = Object.entries(fields).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(' ') : String(value)
    return SHOWN.has(name) || verb === 'INFOVALUE' ? printable(text.replaceAll('\n', ' ')) : text
  })
  return [verb, ...values].join(' ').replace(/\n/g, ' ')
}
