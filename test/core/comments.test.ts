import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'

/** A line that is only comment is no wider. Columns. */
const COMMENT_COLUMNS = 100
/** Help texts are template strings, which the formatter leaves alone. Columns. */
const HELP_COLUMNS = 160

const FOLDERS = ['src', 'test', 'bench', 'scripts']

/** All programs of these folders: their paths from the project's directory, and their lines. */
async function readPrograms(folders: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(projectDirectory, folder), { recursive: true })).map((name) => `${folder}/${name}`),
    ),
  )
  const programs = names.flat().filter((name) => /\.(ts|mjs)$/.test(name))
  return new Map(
    await Promise.all(
      programs.map(async (name) => [name, (await readFile(join(projectDirectory, name), 'utf8')).split('\n')] as const),
    ),
  )
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*)/.test(line)
}

/** Where there are lines that are too wide, as `file:line`. */
function tooWide(
  programs: ReadonlyMap<string, readonly string[]>,
  columns: number,
  counts: (line: string) => boolean,
): string[] {
  return [...programs].flatMap(([name, lines]) =>
    lines.flatMap((line, i) => (line.length > columns && counts(line) ? [`${name}:${i + 1}`] : [])),
  )
}

test(`no comment is wider than ${COMMENT_COLUMNS} columns`, async () => {
  const programs = await readPrograms(FOLDERS)
  expect(programs.size).toBeGreaterThan(600)
  expect(tooWide(programs, COMMENT_COLUMNS, isComment)).toEqual([])
})

test(`no line of a help text is wider than ${HELP_COLUMNS} columns in the program`, async () => {
  const programs = await readPrograms(['src/cli'])
  expect(programs.size).toBeGreaterThan(30)
  expect(tooWide(programs, HELP_COLUMNS, () => true)).toEqual([])
})

test('a comment that is too wide is noticed, and a line of a program is not taken for one', () => {
  const wide = 'x'.repeat(COMMENT_COLUMNS)
  const lines = [`// ${wide}`, `  /** ${wide} */`, ` * ${wide}`, `const text = '${wide}' // why`, '// narrow']
  expect(tooWide(new Map([['a.ts', lines]]), COMMENT_COLUMNS, isComment)).toEqual(['a.ts:1', 'a.ts:2', 'a.ts:3'])
})
