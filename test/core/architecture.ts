import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'

/**
 * Which places of src/ a place may import from, besides itself. A place is a room (`git`), a wing
 * of one (`store/s3`), or the files of a room outside its wings (`store/*`). A name without `/`
 * allows the whole room. `open.ts` is where the backends are put together, so nothing but callers
 * of a store may know it.
 */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  core: [],
  'store/*': ['store/common', 'store/ssh/config.ts', 'core'],
  'store/open.ts': ['store', 'core'],
  'store/common': ['store/*', 'core'],
  'store/wrappers': ['store/*', 'core'],
  'store/local': ['store/*', 'store/common', 'core'],
  'store/ssh': ['core'],
  'store/sftp': ['store/*', 'store/common', 'store/ssh', 'core'],
  'store/http': ['store/*', 'store/common', 'core'],
  'store/dav': ['store/*', 'store/common', 'core'],
  'store/s3': ['store/*', 'store/common', 'core'],
  'archive/*': ['archive', 'store', 'core'],
  'archive/header': ['core'],
  'archive/write': ['archive/header', 'core'],
  'archive/seven-zip': ['store/store.ts', 'core'],
  'archive/decode': ['archive/seven-zip', 'core'],
  'archive/index': ['archive/header', 'archive/decode', 'store', 'core'],
  'ria/*': ['ria/layout', 'store', 'core'],
  'ria/layout': ['store', 'core'],
  'ria/settings': ['ria/url.ts', 'store', 'core'],
  'ria/keys': ['ria/layout', 'archive', 'store', 'core'],
  'admin/inventory': ['git', 'ria', 'archive', 'store', 'core'],
  'admin/check': ['admin/inventory', 'git', 'ria', 'archive', 'store', 'core'],
  'admin/repair': ['admin/check', 'admin/inventory', 'admin/lock', 'git', 'ria', 'archive', 'store', 'core'],
  'admin/lock': ['ria', 'store', 'core'],
  'admin/holes': ['admin/lock', 'ria', 'archive', 'store', 'core'],
  'admin/compaction': ['admin/holes', 'admin/lock', 'ria', 'archive', 'store', 'core'],
  'admin/copy': ['admin/inventory', 'admin/lock', 'git', 'ria', 'archive', 'store', 'core'],
  'admin/trash': ['admin/inventory', 'admin/lock', 'git', 'ria', 'archive', 'store', 'core'],
  'admin/move': ['admin/check', 'admin/copy', 'admin/trash', 'git', 'ria', 'store', 'core'],
  'admin/dedup': ['admin/inventory', 'admin/lock', 'ria', 'store', 'core'],
  'admin/unused': ['admin/inventory', 'git', 'ria', 'store', 'core'],
  'admin/doctor': ['ria', 'archive', 'store', 'core'],
  'bulk/*': ['bulk/small', 'bulk/clone', 'bulk/records', 'ria', 'archive', 'store', 'core'],
  'bulk/small': ['bulk/*', 'bulk/clone', 'ria', 'archive', 'store', 'core'],
  'bulk/clone': ['ria/layout', 'core'],
  'bulk/local': ['bulk/*', 'bulk/clone', 'bulk/records', 'core'],
  'bulk/commit': ['bulk/*', 'bulk/clone', 'bulk/records', 'ria/layout', 'ria/settings', 'core'],
  'bulk/records': ['bulk/clone', 'ria/layout', 'core'],
  'serve/*': ['serve/pages', 'serve/quick', 'serve/dav', 'admin/inventory', 'git', 'ria', 'archive', 'store', 'core'],
  'serve/pages': ['admin/inventory', 'git', 'core'],
  'serve/dav': ['serve/*', 'admin/inventory', 'core'],
  'serve/quick': ['serve/*', 'ria', 'store', 'core'],
  'serve/catalog': ['serve', 'admin/inventory', 'git', 'ria', 'store', 'core'],
  'mount/*': ['mount/fuse', 'mount/cache', 'admin/inventory', 'git', 'ria', 'store', 'core'],
  'mount/stage': ['mount/*', 'mount/fuse', 'ria/layout', 'core'],
  'mount/fuse': ['core'],
  'mount/cache': ['core'],
  annex: ['core'],
  gitlab: ['core'],
  'git/*': ['git/refs', 'git/objects', 'ria/layout', 'ria/settings', 'ria/url.ts', 'store', 'core'],
  'git/refs': ['ria/layout', 'store', 'core'],
  'git/fsck': ['git/objects', 'git/refs', 'ria/layout', 'store', 'core'],
  'git/mend': ['git/*', 'git/refs', 'git/objects', 'ria/layout', 'store', 'core'],
  'git/objects': ['git/refs', 'ria/layout', 'store', 'core'],
  remote: ['annex', 'ria', 'store', 'core'],
  'setup/*': ['core'],
  'setup/sibling': ['setup/*', 'git', 'ria', 'store', 'core'],
  'setup/gitlab': ['setup/*', 'gitlab', 'core'],
  'setup/clone': ['setup/*', 'setup/sibling', 'ria', 'store', 'core'],
  'setup/site': ['setup', 'gitlab', 'git', 'ria', 'store', 'core'],
  'cli/*': ['mount', 'serve', 'bulk', 'setup', 'admin', 'git', 'ria', 'archive', 'store', 'core'],
  'cli/main.ts': ['cli', 'core'],
  'cli/modules.ts': ['cli/*', 'cli/commands'],
  'cli/words': ['cli/*', 'core'],
  'cli/bulk': ['cli/*', 'bulk', 'core'],
  'cli/table': [
    ...['cli/*', 'cli/words', 'setup/site/options.ts', 'setup/site/option-flag.ts'],
    ...['ria/settings/store-setting-names.ts', 'core'],
  ],
  'cli/help': ['cli/*', 'cli/table', 'cli/words', 'core'],
  'cli/commands': [
    'cli/*',
    'cli/table',
    'cli/help',
    'cli/bulk',
    'bulk',
    'mount',
    'serve',
    'setup',
    'admin',
    'git',
    'ria',
    'archive',
    'store',
    'core',
  ],
  bin: ['remote', 'cli', 'git', 'annex', 'core'],
}

/** Not for anybody but those who are named: the files that join what others keep apart. */
const JOINS: Readonly<Record<string, RegExp>> = {
  'store/open.ts': /^(?!store\/)/,
  'cli/main.ts': /^bin\//,
  // What was counted a while ago is to be told, or forgotten, and never to be acted upon.
  'admin/inventory/kept-inventory.ts': /^cli\/commands\/(stat\/|forget-caches)/,
}

/** Where a package may be imported. One that is not here may be imported nowhere. */
const PACKAGES: readonly (readonly [name: RegExp, files: RegExp])[] = [
  [/^@aws-sdk\/|^@smithy\//, /^store\/s3\//],
  [/^ssh2$/, /^store\/(ssh|sftp)\//],
  [/^p-(limit|retry)$/, /^store\//],
  [/^node-7z$/, /^archive\/seven-zip\//],
  [/^(@napi-rs\/lzma|unbzip2-stream(\/.*)?)$/, /^archive\//],
  [/^(hono|@hono\/node-server)(\/.*)?$/, /^serve\//],
  [/^(yazl|tar-stream|markdown-it|yaml|minisearch)$/, /^serve\//],
  [/^cli-table3$/, /^cli\//],
  [/^d3-(scale|shape)$/, /^cli\/commands\/stat\//],
  [/^@noble\/hashes$/, /^core\//],
  [/^sax$/, /^(store\/(dav|s3)|serve\/dav)\//],
  [/^ini$/, /^gitlab\//],
  [/^(http|https|socks)-proxy-agent$/, /^core\/web\//],
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

/** The files of each circle of imports, sorted; a circle of files is never needed. */
export function circles(sources: ReadonlyMap<string, string>): string[][] {
  const targets = new Map([...sources].map(([file, text]) => [file, [...localImports(file, text)]]))
  const reached = new Map([...targets.keys()].map((file) => [file, reachable(file, targets)]))
  const found = new Map<string, string[]>()
  for (const [file, seen] of reached) {
    if (!seen.has(file)) continue
    const circle = [...seen].filter((other) => reached.get(other)?.has(file)).sort()
    found.set(circle.join(' '), circle)
  }
  return [...found.values()]
}

/** How many arrows lead from one folder of src/ to another, by `from to`. */
export function arrows(sources: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [file, text] of sources) {
    for (const target of localImports(file, text)) {
      const [from, to] = [posix.dirname(file), posix.dirname(target)]
      if (from !== to) found.set(`${from} ${to}`, (found.get(`${from} ${to}`) ?? 0) + 1)
    }
  }
  return found
}

function reachable(from: string, targets: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set<string>()
  for (const waiting = [...(targets.get(from) ?? [])]; ; ) {
    const file = waiting.pop()
    if (file === undefined) return seen
    if (seen.has(file)) continue
    seen.add(file)
    waiting.push(...(targets.get(file) ?? []))
  }
}

function localImports(file: string, text: string): string[] {
  return importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file), specifier))
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
  const target = posix.join(posix.dirname(file), specifier)
  const from = placeOf(file)
  const allowed = from === undefined ? undefined : PLACES[from]
  if (from === undefined || allowed === undefined) return `${posix.dirname(file)} is no room`
  if (placeOf(target) === undefined) return `${posix.dirname(target)} is no room`
  const join = JOINS[target]
  if (join !== undefined && !join.test(file)) return `${target} joins what ${from} keeps apart`
  const isOwn = isIn(target, from.endsWith('.ts') ? from : from.replace('/*', '')) && placeOf(target) === from
  return isOwn || allowed.some((place) => isIn(target, place)) ? undefined : `${from} may not import from ${target}`
}

/**
 * The key of PLACES that a file belongs to: the file itself, its wing, its room's own files, its
 * room.
 */
function placeOf(file: string): string | undefined {
  const [room = '', wing = ''] = file.split('/')
  const candidates = [file, `${room}/${wing}`, ...(file.split('/').length === 2 ? [`${room}/*`] : []), room]
  return candidates.find((place) => place in PLACES)
}

function isIn(file: string, place: string): boolean {
  if (place.endsWith('/*')) return posix.dirname(file) === place.slice(0, -2)
  return file === place || file.startsWith(`${place}/`)
}

function objectionToPackage(file: string, specifier: string): string | undefined {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const rule = PACKAGES.find(([pattern]) => pattern.test(name))
  if (rule === undefined) return `the package ${name} has no place yet`
  return rule[1].test(file) ? undefined : `the package ${name} is not for this file`
}
