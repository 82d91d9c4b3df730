import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'ini'
import { ConfigError, codeOf, messageOf } from '../core/errors.ts'
import { askHelper } from '../core/process/helper-program.ts'
import { type GitLabAddress, isSameGitLab } from './address.ts'
import { splitWords } from './shell-words.ts'
import { Token } from './token.ts'

export interface FileOptions {
  readonly env: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  readonly tell?: ((line: string) => void) | undefined
  /** What everybody on this machine has. Default /etc/python-gitlab.cfg. */
  readonly systemFile?: string
}

export interface FileToken {
  readonly token: Token
  /** `section x of /home/u/.python-gitlab.cfg`. */
  readonly source: string
}

interface Section {
  readonly name: string
  readonly file: string
  readonly values: ReadonlyMap<string, string>
}

/**
 * The token that python-gitlab's configuration file has for a GitLab: that of the section with its
 * URL, the default one first. Undefined when there is none. Throws ConfigError for a file that is
 * named or there, and cannot be read. (python-gitlab: Configuration)
 */
export async function pythonGitLabToken(address: GitLabAddress, options: FileOptions): Promise<FileToken | undefined> {
  const sections = await readSections(options)
  const standard = sections.get('global')?.values.get('default')
  const matching = [...sections.values()].filter(({ values }) => isSameGitLab(values.get('url') ?? '', address))
  matching.sort((one, other) => Number(other.name === standard) - Number(one.name === standard))
  for (const { name, file, values } of matching) {
    const source = `section ${name} of ${file}`
    const value = values.get('private_token') ?? values.get('oauth_token')
    if (value === undefined) {
      options.tell?.(`${source} has no private_token and no oauth_token: it cannot be used`)
      continue
    }
    return { token: new Token(await resolveHelper(value, source, options), source), source }
  }
  return undefined
}

/** Later files win, value by value. */
async function readSections({
  env,
  systemFile = '/etc/python-gitlab.cfg',
}: FileOptions): Promise<Map<string, Section>> {
  const named = env.PYTHON_GITLAB_CFG
  const files = named ? [named] : [systemFile, join(env.HOME || homedir(), '.python-gitlab.cfg')]
  const sections = new Map<string, Section>()
  for (const file of files) {
    const text = await read(file, named !== undefined && named !== '')
    for (const [name, values] of Object.entries(parse(text === undefined ? '' : asIni(text)))) {
      if (typeof values !== 'object' || values === null) continue
      const before = sections.get(name)?.values ?? []
      const own = Object.entries(values).map(([key, value]) => [key, String(value)] as const)
      sections.set(name, { name, file, values: new Map([...before, ...own]) })
    }
  }
  return sections
}

async function read(file: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && !isNamed) return undefined
    const who = isNamed ? 'PYTHON_GITLAB_CFG' : "python-gitlab's configuration"
    throw new ConfigError(`${who}, ${file}, cannot be read: ${messageOf(error)}`)
  }
}

/**
 * Python's dialect in that of `ini`: values are taken as they stand, `:` is a `=`, names have no
 * capitals, dots mean nothing, `%%` is a `%`.
 */
function asIni(text: string): string {
  const lines = text.split(/\r?\n/).map((line) => {
    const [, section] = /^\[([^\]]*)\]\s*$/.exec(line) ?? []
    if (section !== undefined) return `[${section.replaceAll('.', '\\.')}]`
    const [, key, value] = /^([^\s=:;#[][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) return ''
    return `${key.toLowerCase()}=${JSON.stringify(value.replaceAll('%%', '%'))}`
  })
  return lines.join('\n')
}

/** `helper: program args` stands for what that prints. No shell runs it. */
async function resolveHelper(value: string, source: string, { env, signal }: FileOptions): Promise<string> {
  const [, command] = /^\s*helper:\s*(.*)$/is.exec(value) ?? []
  if (command === undefined) return value
  const words = splitWords(command)?.map((word) => expand(word, env))
  if (words?.[0] === undefined) throw new ConfigError(`the helper in ${source} is no command`)
  const answer = await askHelper(words, { env, signal })
  if ('problem' in answer) throw new ConfigError(`the helper in ${source}, ${words[0]}, ${answer.problem}`)
  return answer.output.trim()
}

/**
 * `~`, `$NAME` and `${NAME}` as python-gitlab expands them; a variable that is not set stays as it
 * is.
 */
function expand(word: string, env: NodeJS.ProcessEnv): string {
  const expanded = word.replace(
    /\$(?:(\w+)|\{([^}]+)\})/g,
    (all, name: string, braced: string) => env[name ?? braced] ?? all,
  )
  return expanded.replace(/^~(?=\/|$)/, env.HOME || homedir())
}
