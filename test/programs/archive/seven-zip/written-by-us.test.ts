import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ArchiveWriter } from '../../../../src/archive/write/write-archive.ts'
import { systemProgram } from '../../../support/programs/programs.ts'
import { run } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

const directory = await temporaryDirectory()
afterAll(() => directory.remove())

async function* once(content: Buffer): AsyncGenerator<Buffer, void, void> {
  if (content.length > 0) yield content
}

test('7-Zip finds nothing wrong with an archive that we wrote, unpacks, extends and shortens it', async () => {
  const contents = [0, 5, 300, 70_000, 0, 3_000_000].map((size, i) => Buffer.alloc(size, `content ${i} `))
  const writer = new ArchiveWriter(join(directory.path, 'a.7z'), contents.length)
  for (const content of contents) await writer.add(once(content))
  const nameOf = (i: number) => `x${i}/y/key-\u00e4-${i}/key-\u00e4-${i}`
  await writer.finish(nameOf)
  const program = await systemProgram('7zz')
  const sevenZip = (...args: string[]) => run(program, args, { cwd: directory.path })
  const tested = await sevenZip('t', 'a.7z')
  expect([tested.status, tested.stdout]).toEqual([0, expect.stringContaining('Everything is Ok')])
  const listed = await sevenZip('l', '-slt', 'a.7z')
  expect(listed.stdout.match(/^Method = Copy$/gm)).toHaveLength(1 + 4) // of all, and of each that has content
  expect(listed.stdout.match(/^Attributes = .*-r--r--r--$/gm)).toHaveLength(6)
  expect((await sevenZip('d', 'a.7z', nameOf(2))).status).toBe(0)
  await writeFile(join(directory.path, 'more'), 'more')
  expect((await sevenZip('a', '-mx0', 'a.7z', 'more')).status).toBe(0)
  expect((await sevenZip('x', '-oout', 'a.7z')).status).toBe(0)
  for (const i of [0, 1, 3, 4, 5]) {
    expect((await readFile(join(directory.path, 'out', nameOf(i)))).equals(contents[i] as Buffer)).toBe(true)
  }
  expect(await readFile(join(directory.path, 'out', 'more'), 'utf8')).toBe('more')
})
