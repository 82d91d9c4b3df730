import type { Writable } from 'node:stream'
import { decode, encode } from '../../core/text.ts'
import type { Clone } from './clone.ts'
import type { KeyTable } from './key-table.ts'
import { feed, outputOf, splitAt, startProgram } from './programs.ts'

/** A file of the work tree that is not a link into the annex, and its key. */
export interface UnlockedFile {
  readonly number: number
  /** From the work tree's top. */
  readonly file: string
}

/** Finds the unlocked files of the work tree whose keys are in the table. */
export async function* unlockedFiles(
  clone: Clone,
  table: KeyTable,
  signal?: AbortSignal,
): AsyncGenerator<UnlockedFile, void, void> {
  if (clone.isBare) return
  const args = ['annex', 'find', '--unlocked', '--format=$' + '{key}\\000$' + '{file}\\000']
  const started = startProgram('git', args, { cwd: clone.directory, signal })
  let number: number | undefined
  let isKey = true
  for await (const bytes of splitAt(started.stdout, 0)) {
    if (isKey) number = table.findBytes(bytes)
    else if (number !== undefined) yield { number, file: decode(bytes) }
    isKey = !isKey
  }
  await started.ended
}

/**
 * Gives unlocked files the content that came. git-annex itself writes to the work tree, as after a
 * checkout: its filter is shown the pointers, by git's own protocol for filters (gitattributes,
 * "Long Running Filter Process"), and notes which files are to be filled. A file that somebody
 * changed meanwhile is no pointer any more, and stays. Throws StoreError.
 */
export async function fillUnlockedFiles(
  clone: Clone,
  table: KeyTable,
  files: AsyncIterable<UnlockedFile>,
  signal?: AbortSignal,
): Promise<number> {
  let count = 0
  const requests = async function* () {
    yield Buffer.concat([packet('git-filter-client\n'), packet('version=2\n'), FLUSH])
    yield Buffer.concat([packet('capability=smudge\n'), FLUSH])
    for await (const { number, file } of files) {
      count += 1
      const pointer = encode(`/annex/objects/${table.text(number)}\n`)
      yield Buffer.concat([packet('command=smudge\n'), packet(`pathname=${file}\n`), FLUSH, packet(pointer), FLUSH])
    }
  }
  const filter = startProgram('git', ['annex', 'filter-process'], { cwd: clone.directory, stdin: 'pipe', signal })
  filter.stdout.resume()
  await feed(filter.stdin as Writable, requests())
  await filter.ended
  if (count === 0) return 0
  const options = { cwd: clone.directory, signal }
  await outputOf('git', ['annex', 'smudge', '--update'], options)
  // Has git's index know the files as unchanged. Before 10.20220927 there was no such command, and
  // git finds it out by itself.
  await outputOf('git', ['annex', 'restage', '--quiet'], { ...options, accepts: [0, 1] })
  return count
}

const FLUSH = Buffer.from('0000')

/** gitprotocol-common, "pkt-line Format". */
function packet(content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? encode(content) : content
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes])
}
