import { Turns } from '../../core/process/turns.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { decode, encode } from '../../core/text.ts'
import type { Clone } from './clone.ts'
import { pointerTo, readPointer } from './pointer.ts'
import { feed, outputOf, splitAt, startProgram } from './programs.ts'
import { restage, withoutRestage } from './restage.ts'
import type { WorkDirectory } from './work-directory.ts'

const [TAB, ZERO, ONE] = [9, 48, 49]

/** A file of the work tree that is a pointer in place of content, and its key. */
export interface UnlockedFile {
  readonly number: number
  /** From the work tree's top. */
  readonly file: string
}

/**
 * Finds the unlocked files of the work tree that wait for the content of a key in the table: git
 * tracks them, and they hold a pointer.
 *
 * `git annex find --unlocked` is not asked. It hangs for good when a file goes between two of its
 * looks at it, and a `git annex get` beside us takes each pointer away before it puts the content
 * there (seen with 10.20230126).
 */
export async function* unlockedFiles(
  clone: Clone,
  table: KeyTable,
  signal?: AbortSignal,
): AsyncGenerator<UnlockedFile, void, void> {
  if (clone.isBare) return
  const listing = startProgram('git', ['ls-files', '--stage', '-z'], { cwd: clone.directory, signal })
  const turns = new Turns()
  for await (const bytes of splitAt(listing.stdout, 0)) {
    // `<mode> <object> <stage>\t<file>`: 100644 and 100755 are files, neither links nor submodules.
    if (bytes[0] !== ONE || bytes[1] !== ZERO) continue
    await turns.pause()
    const file = decode(bytes.subarray(bytes.indexOf(TAB) + 1))
    const key = readPointer(`${clone.directory}/${file}`)
    const number = key === undefined ? undefined : table.find(key)
    if (number !== undefined) yield { number, file }
  }
  await listing.ended
}

/**
 * Gives unlocked files the content that came. git-annex itself writes to the work tree, as after a
 * checkout: its filter is shown the pointers, by git's own protocol for filters (gitattributes,
 * "Long Running Filter Process"), and notes which files are to be filled. A file that somebody
 * changed meanwhile is no pointer any more, and stays. What a run that was killed had filled is
 * made known to git's index, too; `onNote` is told when it could not be. Returns how many were
 * shown to it. Throws StoreError.
 */
export async function fillUnlockedFiles(
  clone: Clone,
  work: WorkDirectory,
  table: KeyTable,
  files: AsyncIterable<UnlockedFile>,
  onNote?: (text: string) => void,
): Promise<number> {
  const reading = files[Symbol.asyncIterator]()
  const first = await reading.next()
  if (first.done) {
    await restage(clone, work, onNote)
    return 0 // git-annex need not be started
  }
  let count = 0
  const requests = async function* () {
    yield Buffer.concat([packet('git-filter-client\n'), packet('version=2\n'), FLUSH])
    yield Buffer.concat([packet('capability=smudge\n'), FLUSH])
    for (let next: IteratorResult<UnlockedFile> = first; !next.done; next = await reading.next()) {
      const { number, file } = next.value
      count += 1
      const pointer = encode(pointerTo(table.text(number)))
      yield Buffer.concat([packet('command=smudge\n'), packet(`pathname=${file}\n`), FLUSH, packet(pointer), FLUSH])
    }
  }
  const env = await withoutRestage(clone, work)
  const filter = startProgram('git', ['annex', 'filter-process'], { cwd: clone.directory, stdin: 'pipe', env })
  filter.stdout.resume()
  await feed(filter.stdin, requests())
  await filter.ended
  await outputOf('git', ['annex', 'smudge', '--update'], { cwd: clone.directory, env })
  await restage(clone, work, onNote)
  return count
}

const FLUSH = Buffer.from('0000')

/** gitprotocol-common, "pkt-line Format". */
function packet(content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? encode(content) : content
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes])
}
