import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { circles, forbiddenImports, readSources } from './architecture.ts'

/** More than that in one folder wants wings; more lines than that in one file want another file. */
const MOST_FILES = 25
const MOST_LINES = 350
const MEDIAN_LINES = 80

const sources = await readSources(join(projectDirectory, 'src'))

test('every import in src goes the way that the design allows', () => {
  expect(sources.size).toBeGreaterThan(300)
  expect(forbiddenImports(sources)).toEqual([])
})

test('no files import each other in a circle', () => {
  expect(circles(sources)).toEqual([])
})

test(`no folder of src has more than ${MOST_FILES} files of its own`, () => {
  const counts = new Map<string, number>()
  for (const file of sources.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  expect([...counts].filter(([, count]) => count > MOST_FILES)).toEqual([])
})

test(`files of src are small: the median at most ${MEDIAN_LINES} lines, none over ${MOST_LINES}`, () => {
  const lines = [...sources].map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
  const sorted = lines.toSorted((a, b) => a.lines - b.lines)
  expect(sorted[Math.floor(sorted.length / 2)]?.lines).toBeLessThanOrEqual(MEDIAN_LINES)
  expect(sorted.filter((file) => file.lines > MOST_LINES)).toEqual([])
})

const check = (file: string, text: string) => forbiddenImports(new Map([[file, text]]))

describe('a forbidden import is noticed', () => {
  test.each([
    ['core/key.ts', `import { a } from '../store/store.ts'`],
    ['store/local/local.ts', `import type { A } from '../../ria/url.ts'`],
    ['store/local/local.ts', `import { a } from '../open.ts'`],
    ['store/local/local.ts', `import { a } from '../sftp/stat.ts'`],
    ['store/s3/stat.ts', `import { a } from '../http/root.ts'`],
    ['store/ssh/client.ts', `import { a } from '../store.ts'`],
    ['store/wrappers/retry.ts', `import { a } from '../local/local.ts'`],
    ['store/memory.ts', `import { a } from './wrappers/retry.ts'`],
    ['archive/header/bits.ts', `import { a } from '../index/names.ts'`],
    ['archive/index/names.ts', `import { a } from '../archive.ts'`],
    ['ria/layout/paths.ts', `import { a } from '../keys/copy.ts'`],
    ['ria/keys/copy.ts', `import { a } from '../../admin/compaction/lock.ts'`],
    ['ria/settings/settings.ts', `import { a } from '../make-store.ts'`],
    ['admin/doctor/examine.ts', `import { a } from '../compaction/lock.ts'`],
    ['annex/serve.ts', `export { a } from '../remote/ria-remote.ts'`],
    ['annex/serve.ts', `import {\n  a,\n  b,\n} from '../store/store.ts'`],
    ['ria/keys/ria-dataset.ts', `import '../../annex/serve.ts'`],
    ['archive/archive.ts', `export * from '../ria/layout/paths.ts'`],
    ['gitlab/calls.ts', `const a = await import('../store/open.ts')`],
    ['git/packs.ts', `import { a } from '../setup/dataset.ts'`],
    ['git/packs.ts', `import { a } from '../ria/keys/copy.ts'`],
    ['setup/sibling/create.ts', `import { a } from '../gitlab/create.ts'`],
    ['setup/gitlab/create.ts', `import { a } from '../site/apply.ts'`],
    ['setup/site/apply.ts', `import { a } from '../../admin/doctor/examine.ts'`],
    ['cli/commands/init.ts', `import { a } from '../../annex/serve.ts'`],
    ['cli/commands/init.ts', `import { a } from '../main.ts'`],
    ['cli/console.ts', `import { a } from './commands/init.ts'`],
    ['store/memory.ts', `import { a } from "ssh2"`],
    ['store/ssh/client.ts', `import { a } from '@aws-sdk/client-s3'`],
    ['ria/keys/ria-dataset.ts', `import { a } from '@noble/hashes/blake2.js'`],
    ['ria/url.ts', `import { parse } from 'cli-table3'`],
    ['store/store.ts', `import a from 'left-pad'`],
    ['store/store.ts', `import { a } from './memory'`],
    ['store/store.ts', `const a = await import(name)`],
    ['store/store.ts', 'const a = await import("./" + name)'],
    ['store/store.ts', `const a = require('fs')`],
    ['attic/old.ts', `import { a } from '../core/key.ts'`],
    ['ria/attic/old.ts', `import { a } from '../../core/key.ts'`],
  ])('%s: %s', (file, text) => {
    expect(check(file, `// a comment\n${text}\n`)).toHaveLength(1)
  })
})

describe('an allowed import is not', () => {
  test.each([
    ['ria/keys/ria-dataset.ts', `import { a } from '../../store/store.ts'`],
    ['ria/keys/ria-dataset.ts', `import { a } from './copy.ts'`],
    ['ria/keys/ria-dataset.ts', `import { a } from '../layout/paths.ts'`],
    ['ria/make-store.ts', `import { a } from './layout/paths.ts'`],
    ['remote/ria-remote.ts', `import { a } from '../annex/remote.ts'`],
    ['remote/ria-remote.ts', `import { a } from '../store/open.ts'`],
    ['bin/program.ts', `import { a } from '../remote/ria-remote.ts'`],
    ['bin/program.ts', `import { a } from '../cli/main.ts'`],
    ['cli/main.ts', `import { a } from './commands/init.ts'`],
    ['cli/commands/site/add.ts', `import { a } from '../../console.ts'`],
    ['store/sftp/put.ts', `import { a } from '../ssh/connect.ts'`],
    ['store/s3/put.ts', `import { a } from '@aws-sdk/client-s3'`],
    ['store/sftp/read.ts', `import { a } from 'ssh2'`],
    ['core/checksum.ts', `const { a } = await import('@noble/hashes/blake2.js')`],
    ['core/key.ts', `import { a } from 'node:fs'`],
    ['core/key.ts', `/* import { a } from '../ria/url.ts' */\n// import '../ria/url.ts'`],
  ])('%s: %s', (file, text) => {
    expect(check(file, text)).toEqual([])
  })
})

test('a circle is named by its files, and so is one of three', () => {
  const imports = (file: string) => `import { a } from '${file}'`
  const drawn = new Map([
    ['core/a.ts', imports('./b.ts')],
    ['core/b.ts', imports('./a.ts')],
    ['core/c.ts', imports('./a.ts')],
    ['git/a.ts', imports('./b.ts')],
    ['git/b.ts', imports('./c.ts')],
    ['git/c.ts', imports('./a.ts')],
  ])
  expect(circles(drawn)).toEqual([
    ['core/a.ts', 'core/b.ts'],
    ['git/a.ts', 'git/b.ts', 'git/c.ts'],
  ])
})
