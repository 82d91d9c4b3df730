import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GitConfig } from '../../src/core/git-config.ts'
import { LOCAL_SETTINGS, REMOTE_SETTINGS, resolveConfig } from '../../src/ria/settings/settings.ts'
import { projectDirectory } from '../support/programs/programs.ts'
import { readSources } from './architecture.ts'

const readText = (path: string) => readFile(join(projectDirectory, path), 'utf8')

const pages = new Map(await Promise.all((await pagePaths()).map(async (path) => [path, await readText(path)] as const)))

async function pagePaths(): Promise<string[]> {
  const docs = await readdir(join(projectDirectory, 'docs'), { recursive: true })
  return [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'test/README.md',
    ...docs.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`),
  ]
}

function page(path: string): string {
  return pages.get(path) ?? expect.fail(`there is no ${path}`)
}

/** What stands under a heading, up to the next one of its level or above. */
function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start < 0) return expect.fail(`there is no heading ${heading}`)
  const level = lines[start]?.indexOf(' ') ?? 0
  const end = lines.findIndex((line, i) => i > start && /^#+ /.test(line) && line.indexOf(' ') <= level)
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n')
}

/** The rows of all tables in a text, without their heads; each row its cells. */
function tableRows(text: string): string[][] {
  const lines = text.split('\n')
  const isRow = (line: string | undefined) => line?.startsWith('|') ?? false
  const body = lines.filter((line, i) => isRow(line) && !/^\|[-|\s]*\|$/.test(line) && isRow(lines[i - 1]))
  return body.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  )
}

/** What a cell holds as code, `like this`. */
function code(cell: string | undefined): string {
  return /`([^`]+)`/.exec(cell ?? '')?.[1] ?? ''
}

/** Paragraphs that begin with `1. `, `2. `, …: each with its number. */
function numbered(text: string): { readonly number: number; readonly text: string }[] {
  return text
    .split(/^(?=\d+\. )/m)
    .filter((part) => /^\d+\. /.test(part))
    .map((part) => ({ number: Number.parseInt(part, 10), text: part }))
}

interface Citation {
  readonly file: string
  readonly title: string
}

/**
 * Citations are lines of the form - `test/file.ts`: "title", "another title". Titles may stand in
 * lines of their own.
 */
function citations(text: string): Citation[] {
  const lines = text.matchAll(/^\s*- `(?<file>test\/[^`]+)`:(?<titles>(?:\s+".+)+)$/gm)
  return [...lines].flatMap(({ groups }) =>
    [...(groups?.titles ?? '').matchAll(/"([^"]+)"/g)].map(([, title]) => ({
      file: groups?.file ?? '',
      title: title ?? '',
    })),
  )
}

/** Whether a test text has a test of that title, as the first parameter of a call. */
function hasTest(text: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) =>
    [`(${quote}${title}${quote},`, `\n${quote}${title}${quote},`].some((literal) =>
      text.replace(/\n\s+/g, '\n').includes(literal),
    ),
  )
}

/** The anchor that a heading gets. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

function brokenLinks(path: string, text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '')
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false
    const [file = '', fragment] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    if (!existsSync(join(projectDirectory, target))) return true
    if (fragment === undefined) return false
    const headings = [...(pages.get(target) ?? '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading ?? ''))
    return !headings.includes(fragment)
  })
}

/** All programs of ours: their paths from the project's directory. */
const programFiles = Promise.all(
  ['src', 'test', 'bench', 'scripts', 'procedures'].map(async (folder) =>
    (await readdir(join(projectDirectory, folder), { recursive: true })).map((name) => `${folder}/${name}`),
  ),
).then((names) => names.flat())

/**
 * The programs, and folders of src/ and test/, that a text names as code and that are not there.
 * The beginning of a path may be left out. `<name>` stands for any name.
 */
function missingFiles(text: string, files: readonly string[]): string[] {
  const named = [...text.matchAll(/`([^`\s]+\.(?:ts|mjs)|(?:src|test|store|git|ria)\/[^`\s]*\/)`/g)].map(
    ([, name]) => name ?? '',
  )
  return named.filter((name) => {
    if (name.includes('<')) return false
    const isThere = (path: string) => path.endsWith('/') && files.some((file) => file.startsWith(path))
    return !(files.some((file) => `/${file}`.endsWith(`/${name}`)) || isThere(name) || isThere(`src/${name}`))
  })
}

/** Stands for whatever a message has in that place. */
const ANYTHING = '\0'

/**
 * A program text without comments; what templates insert, and names in angle brackets, are
 * ANYTHING.
 */
function messagesOf(text: string): string {
  return withoutInsertions(text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')).replace(
    /<\w+>/g,
    ANYTHING,
  )
}

function withoutInsertions(text: string): string {
  let result = ''
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith('${', i)) {
      if (depth === 0) result += ANYTHING
      depth += 1
      i += 1
    } else if (depth === 0) result += text[i]
    else if (text[i] === '{') depth += 1
    else if (text[i] === '}') depth -= 1
  }
  return result
}

describe('the tables of docs/settings.md', () => {
  const table = (heading: string) => tableRows(section(page('docs/settings.md'), heading))
  const local = 'Settings of one clone'
  const rows = () => ['Committed settings', local].flatMap(table)

  test('have all settings, in the order of the program, and no others', () => {
    expect(rows().map((row) => code(row[0]))).toEqual([
      ...REMOTE_SETTINGS.map(({ name }) => name),
      ...Object.keys(LOCAL_SETTINGS),
    ])
  })

  const described: [string, string][] = [
    ...REMOTE_SETTINGS.map((setting): [string, string] => [setting.name, setting.description]),
    ...Object.entries(LOCAL_SETTINGS),
  ]
  test.each(described)('describe %s as the program does', (name, description) => {
    const row = rows().find((cells) => code(cells[0]) === name)
    expect(row?.[1]?.slice(0, description.length)).toBe(description)
  })

  const isValue = (text: string) => !REMOTE_SETTINGS.some(({ name }) => name === text)
  const defaults = table(local).filter((row) => code(row[2]) !== '' && isValue(code(row[2])))
  test.each(defaults.map((row) => [code(row[0]), code(row[2])]))('name the default of %s, %s', (name, value) => {
    const resolve = (entries: [string, string][]) =>
      resolveConfig({
        committed: { url: 'ria+file:///store' },
        git: new GitConfig(entries),
        gitName: 'r',
        name: undefined,
      })
    expect(resolve([[`remote.r.${name}`, value ?? '']])).toEqual(resolve([]))
  })
})

const PROSE_COLUMNS = 200
const isWritten = (path: string) => path !== 'docs/benchmarks.md' // `npm run bench` writes that one

test.each([...pages].filter(([path]) => isWritten(path)))('the paragraphs of %s are wrapped', (_path, text) => {
  const prose = text.replace(/^ *```[\s\S]*?^ *```/gm, '')
  expect(prose.split('\n').filter((line) => line.length > PROSE_COLUMNS && !line.startsWith('|'))).toEqual([])
})

test.each([
  ['docs/semantics.md', 200],
  ['docs/security.md', 40],
])('%s cites tests that exist', async (path, least) => {
  const cited = citations(page(path))
  expect(cited.length).toBeGreaterThan(least)
  const missing: string[] = []
  for (const { file, title } of cited) {
    const text = existsSync(join(projectDirectory, file)) ? await readText(file) : ''
    if (!hasTest(text, title)) missing.push(`${file}: ${title}`)
  }
  expect(missing).toEqual([])
})

describe('the guarantees of docs/semantics.md', () => {
  const guarantees = numbered(section(page('docs/semantics.md'), 'What is guaranteed'))

  test('are numbered without a gap', () => {
    expect(guarantees.length).toBeGreaterThan(20)
    expect(guarantees.map(({ number }) => number)).toEqual(guarantees.map((_, i) => i + 1))
  })

  test('have a proof each', () => {
    for (const { number, text } of guarantees) expect(citations(text), `guarantee ${number}`).not.toEqual([])
  })

  test('would be missed if their tests were gone', () => {
    const text = `test.each(KINDS)(\n  'is %s',\n  async () => {},\n)\nit("isn't", () => {})\n// 'a comment'\n`
    expect(['is %s', "isn't", 'a comment', 'is'].map((title) => hasTest(text, title))).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(citations('  - `test/a.test.ts`: \n    "one",\n    "two"\n- "three"\n')).toEqual([
      { file: 'test/a.test.ts', title: 'one' },
      { file: 'test/a.test.ts', title: 'two' },
    ])
  })
})

describe('the links', () => {
  test.each([...pages])('of %s lead somewhere', (path, text) => {
    expect(brokenLinks(path, text)).toEqual([])
  })

  test('are noticed when they do not', () => {
    expect(brokenLinks('README.md', '[a](docs/no.md) [b](#no-heading) [c](LICENSE) [d](https://example.com)')).toEqual([
      'docs/no.md',
      '#no-heading',
    ])
  })
})

describe('the messages in docs/troubleshooting.md', () => {
  const messages = tableRows(section(page('docs/troubleshooting.md'), 'Messages of riastore')).map((row) =>
    code(row[0]),
  )

  test('are many', () => {
    expect(messages.length).toBeGreaterThan(20)
    expect(messages).not.toContain('')
  })

  test.each(messages)('%s', async (message) => {
    const sources = [...(await readSources(join(projectDirectory, 'src'))).values()].map(messagesOf)
    const wanted = message.replace(/<[^<>]*>/g, ANYTHING)
    expect(sources.some((text) => text.includes(wanted))).toBe(true)
  })

  test('would be missed if they were only in a comment', () => {
    expect(messagesOf(`// no such thing\nfail(\`the file \${a ? \`\${b}\` : {}} is gone\`)`)).toBe(
      `\nfail(\`the file ${ANYTHING} is gone\`)`,
    )
  })
})

describe('the version', () => {
  const WHERE_NAMED = /\briastore[-_ ]v?\d+\.\d+\.\d+/

  test('is that of the newest heading of the changelog', async () => {
    const { version } = JSON.parse(await readText('package.json'))
    expect(/^## (\S+) - /m.exec(page('CHANGELOG.md'))?.[1]).toBe(version)
  })

  test('is said by no page, which would have to be changed with it', () => {
    const saying = [...pages].filter(([path, text]) => path !== 'CHANGELOG.md' && WHERE_NAMED.test(text))
    expect(saying.map(([path]) => path)).toEqual([])
    expect('./riastore-0.1.0.tgz'.match(WHERE_NAMED)).toHaveLength(1)
  })
})

describe('the decisions', () => {
  const files = [...pages.keys()].filter((path) => /^docs\/decisions\/(?!README)/.test(path)).sort()

  test('are numbered without a gap, as their headings say', () => {
    for (const [i, file] of files.entries()) {
      const number = String(i + 1).padStart(4, '0')
      expect(file).toMatch(new RegExp(`^docs/decisions/${number}-[a-z0-9-]+\\.md$`))
      expect(page(file)).toMatch(new RegExp(`^# ${number}: `))
    }
  })

  test('have a date and a status each, and are listed with them', () => {
    const listed = files.map((file) => {
      const [, number, title, date, status] =
        /^# (\d+): (.*)\n\nDate: (\d{4}-\d\d-\d\d)\. Status: (.*)\.\n/.exec(page(file)) ??
        expect.fail(`${file} has no date and status under its heading`)
      return [`[${number}](${basename(file)})`, title, date, status]
    })
    expect(tableRows(page('docs/decisions/README.md'))).toEqual(listed)
  })
})

describe('docs/architecture.md', () => {
  test('has all rooms of src/, and no others', async () => {
    const sources = await readSources(join(projectDirectory, 'src'))
    const rooms = new Set([...sources.keys()].map((file) => file.split('/')[0]))
    const listed = tableRows(section(page('docs/architecture.md'), 'Rooms')).map((row) => code(row[0]))
    expect(listed.toSorted()).toEqual([...rooms].sort())
  })

  test('has all methods of the Store contract, in its order', async () => {
    const contract = /^export interface Store \{\n([\s\S]*?)^\}/m.exec(await readText('src/store/store.ts'))?.[1] ?? ''
    const methods = [...contract.matchAll(/^ {2}(?:readonly )?(\w+)\??(?:\(|: \()/gm)].map(([, name]) => name)
    const listed = tableRows(section(page('docs/architecture.md'), 'Three contracts')).map((row) => code(row[0]))
    expect(listed).toEqual(methods)
    expect(page('docs/architecture.md')).toContain(`has ${NUMBERS[methods.length]} methods`)
  })
})

describe('the files that the pages name', () => {
  test.each([...pages].filter(([path]) => path !== 'CHANGELOG.md'))('in %s are there', async (_path, text) => {
    expect(missingFiles(text, await programFiles)).toEqual([])
  })

  test('are missed when they are not there', () => {
    const files = ['src/store/open.ts', 'test/a.test.ts']
    expect(
      missingFiles('`open.ts` `store/open.ts` `pen.ts` `store/s3*.ts` `src/git/` `src/store/` `<name>.ts`', files),
    ).toEqual(['pen.ts', 'store/s3*.ts', 'src/git/'])
  })
})

const NUMBERS =
  'no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen'.split(
    ' ',
  )
