import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'

/**
 * Which rooms of src/ a room may import from, besides itself. `bin` and `ria-remote` join what the
 * others keep apart.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // ria: for git's configuration, which is read while the rest of the program is loaded.
  bin: ['ria-remote', 'ria', 'cli', 'git', 'annex', 'core'],
  'ria-remote': ['annex', 'ria', 'store', 'core'],
  cli: ['bulk', 'site', 'git', 'ria', 'archive', 'store', 'core'],
  bulk: ['ria', 'archive', 'store', 'core'],
  site: ['gitlab', 'git', 'ria', 'store', 'core'],
  git: ['ria', 'store', 'core'],
  ria: ['archive', 'store', 'core'],
  archive: ['store', 'core'],
  store: ['core'],
  annex: ['core'],
  gitlab: ['core'],
  core: [],
}

/** Where a package may be imported. One that is not here may be imported nowhere. */
const PACKAGES: readonly (readonly [name: RegExp, files: RegExp])[] = [
  [/^@aws-sdk\/|^@smithy\//, /^store\/s3[^/]*\.ts$/],
  [/^ssh2$/, /^store\/(ssh|sftp)[^/]*\.ts$/],
  [/^p-(limit|retry)$/, /^store\//],
  [/^node-7z$/, /^archive\//],
  [/^(@napi-rs\/lzma|unbzip2-stream(\/.*)?)$/, /^archive\//],
  [/^isomorphic-git$/, /^git\//],
  [/^(yargs|cli-progress|cli-table3)(\/.*)?$/, /^cli\//],
  [/^@noble\/hashes$/, /^core\//],
  [/^ini$/, /^gitlab\//],
]

/** Reads every program text below a directory: text by path relative to it. */
export async function readSources(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith('.ts'))
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(join(directory, file), 'utf8')] as const)),
  )
}

/** Says which imports DESIGN's rooms forbid, one line each. */
export function forbiddenImports(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(text).flatMap((specifier) => {
      const reason = objection(file, specifier)
      return reason === undefined ? [] : [`${file} imports ${specifier}: ${reason}`]
    }),
  )
}

/**
 * The specifiers of all imports and re-exports of a text; `?` for a dynamic import of something
 * computed.
 */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const declared = /^\s*(?:import|export)\b(?!\s*\()(?:[^'"`;]*?\bfrom)?\s*(['"])(?<specifier>[^'"]+)\1/gm
  const dynamic = /\b(?:import|require)\s*\(\s*(?:(['"])(?<specifier>[^'"]+)\1\s*\))?/g
  return [declared, dynamic].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match.groups?.specifier ?? '?'),
  )
}

function objection(file: string, specifier: string): string | undefined {
  if (specifier === '?') return 'what is imported has to be written out'
  if (specifier.startsWith('node:')) return undefined
  if (!specifier.startsWith('.')) return objectionToPackage(file, specifier)
  if (!specifier.endsWith('.ts')) return 'the ending .ts is missing'
  const from = roomOf(file)
  const to = roomOf(posix.join(posix.dirname(file), specifier))
  const allowed = ROOMS[from]
  if (allowed === undefined) return `there is no room ${from}`
  return from === to || allowed.includes(to) ? undefined : `${from} may not import from ${to}`
}

function objectionToPackage(file: string, specifier: string): string | undefined {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const rule = PACKAGES.find(([pattern]) => pattern.test(name))
  if (rule === undefined) return `the package ${name} has no place yet`
  return rule[1].test(file) ? undefined : `the package ${name} is not for this file`
}

/** `ria-remote` is a room of one file. */
function roomOf(file: string): string {
  return file.split('/')[0]?.replace(/\.ts$/, '') ?? file
}
