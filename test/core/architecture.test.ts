import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectDirectory } from '../support/programs/programs.ts'
import { forbiddenImports, readSources } from './architecture.ts'

test('every import in src goes the way that the design allows', async () => {
  const sources = await readSources(join(projectDirectory, 'src'))
  expect(sources.size).toBeGreaterThan(30)
  expect(forbiddenImports(sources)).toEqual([])
})

const check = (file: string, text: string) => forbiddenImports(new Map([[file, text]]))

describe('a forbidden import is noticed', () => {
  test.each([
    ['core/key.ts', `import { a } from '../store/store.ts'`],
    ['store/local.ts', `import type { A } from '../ria/url.ts'`],
    ['annex/serve.ts', `export { a } from '../ria-remote.ts'`],
    ['annex/serve.ts', `import {\n  a,\n  b,\n} from '../store/store.ts'`],
    ['ria/dataset.ts', `import '../annex/serve.ts'`],
    ['archive/reader.ts', `export * from '../ria/layout.ts'`],
    ['gitlab/calls.ts', `const a = await import('../store/open.ts')`],
    ['git/push.ts', `import { a } from '../site/setup.ts'`],
    ['cli/init.ts', `import { a } from '../annex/serve.ts'`],
    ['store/memory.ts', `import { a } from "ssh2"`],
    ['store/ssh.ts', `import { a } from '@aws-sdk/client-s3'`],
    ['ria/dataset.ts', `import { a } from '@noble/hashes/blake2.js'`],
    ['ria/url.ts', `import yargs from 'yargs'`],
    ['store/store.ts', `import a from 'left-pad'`],
    ['store/store.ts', `import { a } from './local'`],
    ['store/store.ts', `const a = await import(name)`],
    ['store/store.ts', 'const a = await import("./" + name)'],
    ['store/store.ts', `const a = require('fs')`],
    ['attic/old.ts', `import { a } from '../core/key.ts'`],
  ])('%s: %s', (file, text) => {
    expect(check(file, `// a comment\n${text}\n`)).toHaveLength(1)
  })
})

describe('an allowed import is not', () => {
  test.each([
    ['ria/dataset.ts', `import { a } from '../store/store.ts'`],
    ['ria/dataset.ts', `import { a } from './layout.ts'`],
    ['ria-remote.ts', `import { a } from './annex/remote.ts'`],
    ['bin/program.ts', `import { a } from '../ria-remote.ts'`],
    ['store/s3-put.ts', `import { a } from '@aws-sdk/client-s3'`],
    ['store/sftp-read.ts', `import { a } from 'ssh2'`],
    ['core/checksum.ts', `const { a } = await import('@noble/hashes/blake2.js')`],
    ['core/key.ts', `import { a } from 'node:fs'`],
    ['core/key.ts', `/* import { a } from '../ria/url.ts' */\n// import '../ria/url.ts'`],
  ])('%s: %s', (file, text) => {
    expect(check(file, text)).toEqual([])
  })
})
