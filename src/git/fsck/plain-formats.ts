import type { GitObject, ObjectType } from '../objects/pack-reader.ts'

/** An object that another one names, and what it has to be. */
export interface Link {
  readonly id: string
  readonly type: ObjectType
}

/** What an object says. */
export interface PlainObject {
  readonly links: readonly Link[]
  /** Blobs that git reads as attributes: they have rules of their own. */
  readonly attributes: readonly string[]
}

const ID_BYTES = 20

/** How git writes who did something, and when: more than this is never wrong for `git fsck`. */
const PERSON = '[^<>\\n]+ <[^<>\\n]*> (?:0|[1-9]\\d{0,11}) [+-]\\d{4}'

const COMMIT = new RegExp(
  `^tree ([0-9a-f]{40})\\n((?:parent [0-9a-f]{40}\\n)*)author ${PERSON}\\ncommitter ${PERSON}\\n(?:[^\\n]+\\n)*\\n`,
)

const TAG = new RegExp(`^object ([0-9a-f]{40})\\ntype (commit|tree|blob|tag)\\ntag [\\w.-]+\\ntagger ${PERSON}\\n\\n`)

/**
 * What an object says, where it is written as git itself writes it; undefined for all else, of
 * which only git knows whether it is wrong.
 */
export function readPlain({ type, content }: GitObject): PlainObject | undefined {
  if (type === 'blob') return { links: [], attributes: [] }
  if (type === 'tree') return readTree(content)
  if (content.includes(0)) return undefined
  const text = content.toString('latin1')
  return type === 'commit' ? readCommit(text) : readTag(text)
}

function readCommit(text: string): PlainObject | undefined {
  const [, tree, parents = ''] = COMMIT.exec(text) ?? []
  if (tree === undefined) return undefined
  const links: Link[] = [{ id: tree, type: 'tree' }]
  for (const [, id = ''] of parents.matchAll(/^parent (.{40})$/gm)) links.push({ id, type: 'commit' })
  return { links, attributes: [] }
}

function readTag(text: string): PlainObject | undefined {
  const [, id, type] = TAG.exec(text) ?? []
  if (id === undefined) return undefined
  return { links: [{ id, type: type as ObjectType }], attributes: [] }
}

/** A subdataset's commit is no object of this repository. */
const TYPES: Readonly<Record<string, ObjectType | 'elsewhere'>> = {
  '100644': 'blob',
  '100755': 'blob',
  '120000': 'blob',
  '40000': 'tree',
  '160000': 'elsewhere',
}

const ATTRIBUTES = '.gitattributes'

/** The names that begin with `.git`, and of which `git fsck` wants nothing but what we look at. */
const PLAIN_GIT_NAMES = new Set([ATTRIBUTES, '.gitignore', '.gitkeep'])

function readTree(content: Buffer): PlainObject | undefined {
  const links: Link[] = []
  const attributes: string[] = []
  const names = new Set<string>()
  let before: Buffer | undefined
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, at)
    if (space < 0 || end < space || end + 1 + ID_BYTES > content.length) return undefined
    const mode = content.toString('latin1', at, space)
    const type = TYPES[mode]
    const name = content.toString('latin1', space + 1, end)
    const id = content.toString('hex', end + 1, end + 1 + ID_BYTES)
    if (type === undefined || !isPlainName(name) || names.has(name) || /^0+$/.test(id)) return undefined
    names.add(name)
    // In git's order a directory's name ends with a slash.
    const sorted = Buffer.from(type === 'tree' ? `${name}/` : name, 'latin1')
    if (before !== undefined && before.compare(sorted) >= 0) return undefined
    before = sorted
    if (name === ATTRIBUTES) {
      if (!mode.startsWith('100')) return undefined
      attributes.push(id)
    }
    if (type !== 'elsewhere') links.push({ id, type })
    at = end + 1 + ID_BYTES
  }
  return { links, attributes }
}

/**
 * Not one that some file system takes for one of git's own: macOS drops characters beyond ASCII,
 * Windows shortens names with `~`, and knows `:` and `\`. `name` has a character for each byte.
 */
function isPlainName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.length > 1000 || /[/\\:~]/.test(name)) return false
  if (PLAIN_GIT_NAMES.has(name)) return true
  return !/^\.git/i.test(name.replace(/[\x80-\xff]/g, '').trim())
}

/** git reads no attributes of longer lines, and no larger files. Bytes. */
const MAX_ATTRIBUTES_LINE = 2048
const MAX_ATTRIBUTES_BYTES = 1024 * 1024

/** Whether git reads it as attributes without a complaint. */
export function areAttributesPlain(content: Buffer): boolean {
  if (content.length > MAX_ATTRIBUTES_BYTES || content.includes(0)) return false
  return content
    .toString('latin1')
    .split('\n')
    .every((line) => line.length < MAX_ATTRIBUTES_LINE)
}
