import { readFile } from 'node:fs/promises'
import { afterAll, expect, test } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { ArchiveWriter } from '../../../src/archive/write/write-archive.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { contentOf } from '../../support/archives/real-archive.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const directory = await temporaryDirectory()
afterAll(() => directory.remove())
const store = openLocalStore({ root: directory.path })

async function* inChunks(content: Buffer, bytes: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < content.length; at += bytes) yield content.subarray(at, at + bytes)
}

async function* breakingOff(content: Buffer): AsyncGenerator<Buffer, void, void> {
  yield content
  throw new Error('it breaks off')
}

/** Of sizes that the format writes with one byte, two, three and nine. */
const SIZES = [0, 1, 127, 128, 16_383, 16_384, 0x1fffff, 0x200000, 0, 3_000_017]
const contents = SIZES.map((size, i) => Buffer.alloc(size, `content ${i} `))
const nameOf = (member: number) => `xx/yy/key ${member} \u00e4\u{1f600}/key`

test.each([
  ['no members', []],
  ['members that are all empty', [0, 8]],
  ['members of many sizes', [...SIZES.keys()]],
])('an archive with %s is read as it was written', async (_name, chosen) => {
  const file = `${chosen.length}.7z`
  const writer = new ArchiveWriter(`${directory.path}/${file}`, 100)
  for (const i of chosen) {
    await expect(writer.add(breakingOff(Buffer.alloc(1_500_000 * (i % 2), 'x')))).rejects.toThrow('it breaks off')
    await writer.add(inChunks(contents[i] as Buffer, 700_001))
  }
  // The last one goes, too, and is longer than what is left of the file.
  await expect(writer.add(breakingOff(Buffer.alloc(5_000_000, 'x')))).rejects.toThrow('it breaks off')
  expect(writer.count).toBe(chosen.length)
  await writer.finish((member) => nameOf(chosen[member] as number))
  const archive = await Archive.open(store, file)
  const found = []
  for await (const member of archive.members()) {
    expect((await contentOf(archive, member)).equals(contents[chosen[found.length] as number] as Buffer)).toBe(true)
    found.push(member.name)
  }
  expect(found).toEqual(chosen.map(nameOf))
  await archive.close()
  expect((await readFile(`${directory.path}/${file}`)).includes('xxxx')).toBe(false)
})
