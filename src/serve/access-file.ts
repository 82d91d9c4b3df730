import { createHash, randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { ConfigError, codeOf } from '../core/errors.ts'

/** Datasets by id, `~alias` or alias; `*` is all of them. */
export type DatasetNames = readonly string[]

/** A token as it is kept: never itself. */
export interface StoredToken {
  /** SHA-256 of the token, in lower-case hex. */
  readonly hash: string
  readonly datasets: DatasetNames
  /** ISO 8601. */
  readonly made: string
  /** ISO 8601; without, it does not expire. */
  readonly expires?: string | undefined
}

/** Who may read what. Whoever is not in it may read nothing. */
export interface AccessRules {
  /** What everybody may read. */
  readonly public: DatasetNames
  /** By the name that a proxy in front says. */
  readonly users: Readonly<Record<string, DatasetNames>>
  /** By the names that people gave them. */
  readonly tokens: Readonly<Record<string, StoredToken>>
}

export const NO_RULES: AccessRules = { public: [], users: {}, tokens: {} }

/** Of its owner alone: who reads the hashes learns who may read what. */
const MODE = 0o600

/** A new token, and what is kept of it. It has 256 bits, so that one hash is enough. */
export function makeToken(datasets: DatasetNames, now: Date, expiresMs: number | undefined) {
  const token = `riastore-${randomBytes(32).toString('base64url')}`
  const expires = expiresMs === undefined ? {} : { expires: new Date(now.getTime() + expiresMs).toISOString() }
  return { token, stored: { hash: hashOf(token), datasets, made: now.toISOString(), ...expires } }
}

/** What is kept of a token. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Reads an access file. Undefined when there is none; throws ConfigError for what is none. */
export async function readRules(file: string): Promise<AccessRules | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw new ConfigError(`${file} cannot be read: ${codeOf(error)}`)
    return undefined
  })
  return text === undefined ? undefined : parseRules(text, file)
}

/**
 * Changes an access file as a whole, one after the other, as git changes its configuration: a token
 * that one of us revokes must not come back with what another had read before. `change` gets the
 * rules as they are, undefined where there are none. Throws ConfigError, and what `change` throws.
 */
export async function changeRules(
  file: string,
  change: (rules: AccessRules | undefined) => AccessRules | undefined,
): Promise<void> {
  const lock = `${file}.lock`
  const handle = await open(lock, 'wx', MODE).catch((error: unknown) => {
    const why =
      codeOf(error) === 'EEXIST'
        ? `${lock} is there: somebody changes it, or was killed; then remove it`
        : codeOf(error)
    throw new ConfigError(`${file} cannot be written: ${why}`)
  })
  let isReplaced = false
  try {
    const rules = change(await readRules(file))
    if (rules === undefined) return
    await handle.writeFile(`${JSON.stringify(rules, undefined, 2)}\n`)
    await handle.sync()
    await rename(lock, file)
    isReplaced = true
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError(`${file} cannot be written: ${codeOf(error)}`)
  } finally {
    await handle.close()
    if (!isReplaced) await rm(lock, { force: true }).catch(() => {})
  }
}

/** Throws ConfigError. What it does not know it refuses: a rule that is misread lets in. */
export function parseRules(text: string, file: string): AccessRules {
  const wrong = (what: string) => new ConfigError(`${file} is no access file: ${what}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw wrong('it is no JSON')
  }
  const entries = (value: unknown, name: string): [string, unknown][] => {
    if (value === undefined) return []
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`${name} is no object`)
    return Object.entries(value)
  }
  const names = (value: unknown, name: string): DatasetNames => {
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')
    if (!isList) throw wrong(`${name} is no list of datasets`)
    return value as string[]
  }
  const all = new Map(entries(parsed, 'all of it'))
  for (const key of all.keys()) {
    if (!Object.hasOwn(NO_RULES, key)) throw wrong(`${JSON.stringify(key)} is none of public, users, tokens`)
  }
  const users = entries(all.get('users'), 'users').map(([user, value]) => [user, names(value, `users.${user}`)])
  const tokens = entries(all.get('tokens'), 'tokens').map(([name, value]) => {
    const fields = Object.fromEntries(entries(value, `tokens.${name}`))
    const { hash, made, expires } = fields
    if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw wrong(`tokens.${name} has no hash`)
    if (typeof made !== 'string') throw wrong(`tokens.${name} says not when it was made`)
    if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires)))) {
      throw wrong(`tokens.${name} says not when it expires`)
    }
    const datasets = names(fields.datasets, `tokens.${name}.datasets`)
    return [name, { hash, datasets, made, ...(expires === undefined ? {} : { expires }) }]
  })
  return {
    public: all.has('public') ? names(all.get('public'), 'public') : [],
    users: Object.fromEntries(users),
    tokens: Object.fromEntries(tokens),
  }
}
