import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Archive, Member } from '../../../src/archive/archive.ts'
import { decode, toFsPath } from '../../../src/core/text.ts'
import { systemProgram } from '../programs/programs.ts'
import { run } from '../programs/run.ts'
import { temporaryDirectory } from '../stores/stores.ts'

export type Contents = ReadonlyMap<string, Buffer>

/**
 * Makes an archive of these files with the 7z program: `7z a <switches>`, 7-Zip 26.02 here. Names
 * may hold bytes that are not UTF-8 (core/text.ts). Names that end in `/` are directories.
 */
export async function makeArchive(files: Contents, switches: readonly string[], program = '7zz'): Promise<Buffer> {
  const directory = await temporaryDirectory()
  const at = (...parts: string[]) => toFsPath(join(directory.path, ...parts))
  try {
    await mkdir(at('in'))
    for (const [name, content] of files) {
      await mkdir(at('in', name.endsWith('/') ? name : dirname(name)), { recursive: true })
      if (!name.endsWith('/')) await writeFile(at('in', name), content)
    }
    const cwd = join(directory.path, 'in')
    const command = [
      program.includes('/') ? program : await systemProgram(program),
      'a',
      '-t7z',
      ...switches,
      '../a.7z',
      '.',
    ]
    const { status, stdout, stderr } = await run(command[0] as string, command.slice(1), { cwd })
    if (status !== 0) throw new Error(`${stdout}${stderr}`)
    return await readFile(at('a.7z'))
  } finally {
    await directory.remove()
  }
}

/** Content that packs well, and no two files the same; every seventh is empty. */
export function someFiles(
  count: number,
  bytes: number,
  name: (i: number) => string = (i) => `dir${i % 5}/file ${i}.txt`,
): Contents {
  const files = new Map<string, Buffer>()
  for (let i = 0; i < count; i++) {
    const line = `file ${i}: the quick brown fox ${i * 7919}\n`
    const size = i % 7 === 6 ? 0 : (i * 131) % bytes
    files.set(name(i), Buffer.from(line.repeat(Math.ceil(size / line.length))).subarray(0, size))
  }
  return files
}

export async function contentOf(archive: Archive, member: Member, start?: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  const consume = async (bytes: AsyncIterable<Uint8Array>) => {
    chunks.length = 0
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk))
  }
  await archive.read(member, consume, start === undefined ? {} : { start })
  return Buffer.concat(chunks)
}

/** Reads every file of the archive by its name and says which ones are not as they should be. */
export async function differences(archive: Archive, files: Contents): Promise<string[]> {
  const wrong: string[] = []
  let count = 0
  for (const [name, content] of files) {
    if (name.endsWith('/')) continue
    count += 1
    const member = await archive.find(name)
    if (member === undefined) wrong.push(`${name} is missing`)
    else if (member.size !== content.length) wrong.push(`${name} has size ${member.size}`)
    else if (!(await contentOf(archive, member)).equals(content)) wrong.push(`${name} has other content`)
  }
  if (archive.count !== count) wrong.push(`${archive.count} members instead of ${count}`)
  const listed = new Set<string>()
  for await (const { name } of archive.members()) listed.add(name)
  for (const name of listed) if (!files.has(name)) wrong.push(`${name} is too much`)
  if (listed.size !== count) wrong.push(`${listed.size} members listed instead of ${count}`)
  return wrong
}

/** A name with a byte that is not UTF-8. */
export const NOT_UTF8 = decode(Buffer.from('dir/not \xff utf8', 'latin1'))
