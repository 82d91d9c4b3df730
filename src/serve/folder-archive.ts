import { once } from 'node:events'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { pack } from 'tar-stream'
import { ZipFile } from 'yazl'
import type { KeyProgress, StoredKeys } from '../admin/inventory/stored-keys.ts'
import { StoreError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import { annexKeyOf } from '../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../git/revision.ts'
import type { Exchange } from './exchange.ts'

/** A reader that takes nothing for so long is slow: a place of the store is let go for it. ms. */
const SLOW_MS = 1_000

/** Thrown by who writes to a slow reader. */
const SLOW = new Error('the reader is slow')

/** What is put into an archive. */
interface Packed {
  /** Below the folder. */
  readonly name: string
  /** Bytes; undefined where nobody knows. */
  readonly size: number | undefined
  readonly isExecutable: boolean
  /** Of a link: where it leads. */
  readonly target?: string | undefined
  /** Writes all of it. */
  readonly fill: (sink: Writable) => Promise<void>
}

/** Makes an archive while it is read. */
interface Packer {
  readonly output: Readable
  /** Resolves when the file is in. */
  add(file: Packed): Promise<void>
  finish(): void
}

/** Media types by what is asked for: `?archive=zip`. */
export const ARCHIVES = { zip: 'application/zip', tar: 'application/x-tar' } as const

export type ArchiveKind = keyof typeof ARCHIVES

/**
 * Answers with all files below a directory, in one file that is made as it is sent. When a key is
 * not in the store, or is damaged, the answer is broken off: no client takes a part for the whole.
 */
export async function sendFolder(
  exchange: Exchange,
  keys: StoredKeys,
  revision: Revision,
  folder: RevisionEntry,
  { kind, name }: { readonly kind: ArchiveKind; readonly name: string },
): Promise<void> {
  const file = encodeURIComponent(`${name}.${kind}`.toWellFormed()).replaceAll("'", '%27')
  const disposition = { 'Content-Disposition': `attachment; filename*=UTF-8''${file}` }
  const begin = () =>
    exchange.begin(200, { ...disposition, 'Content-Type': ARCHIVES[kind], 'Cache-Control': 'no-cache' })
  if (exchange.isHead) {
    begin()
    return exchange.end()
  }
  const packer = kind === 'zip' ? zipPacker(revision) : tarPacker(revision)
  const { output } = packer
  output.on('error', () => {}) // whoever reads it is told, also when nobody reads any more
  const packing = packAll(exchange, keys, revision, folder, packer)
  packing.catch((error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    for await (const chunk of output) {
      if (!exchange.hasBegun) begin()
      await exchange.write(chunk as Buffer)
    }
    await packing
    exchange.end()
  } finally {
    output.destroy()
  }
}

async function packAll(
  exchange: Exchange,
  keys: StoredKeys,
  revision: Revision,
  folder: RevisionEntry,
  packer: Packer,
): Promise<void> {
  const { signal } = exchange
  for await (const entry of revision.list(folder, true)) {
    const name = safeName(entry.path.slice(folder.path === '' ? 0 : folder.path.length + 1))
    if (entry.kind === 'directory' || entry.kind === 'subdataset') continue
    const isExecutable = entry.kind === 'executable'
    const key = await annexKeyOf(revision, entry)
    if (key !== undefined) {
      const fill = (sink: Writable) => fillWithKey(sink, keys, key, signal)
      await packer.add({ name, size: parseKey(key).size, isExecutable, fill })
      continue
    }
    const content = await revision.read(entry)
    const target = entry.kind === 'link' ? innerTarget(name, content.toString()) : undefined
    // A link that leads out of the folder would lead into the files of who unpacks it.
    const fill = async (sink: Writable) => void sink.end(content)
    await packer.add({ name, size: content.length, isExecutable, target, fill })
  }
  packer.finish()
}

async function fillWithKey(sink: Writable, keys: StoredKeys, key: string, signal: AbortSignal): Promise<void> {
  const progress: KeyProgress = {}
  const write = async (chunk: Uint8Array) => {
    if (sink.write(Buffer.from(chunk))) return // the reader uses its memory again
    const drained = once(sink, 'drain', { signal }).then(() => true)
    drained.catch(() => {})
    const slow = new Promise<boolean>((resolve) => setTimeout(resolve, SLOW_MS, false).unref())
    if (!(await Promise.race([drained, slow]))) throw SLOW
  }
  for (;;) {
    try {
      if (await keys.readIfThere(key, write, { signal, progress })) break
      throw new StoreError({ kind: 'missing', op: 'get', where: key, message: 'it is not in the store' })
    } catch (error) {
      if (error !== SLOW) throw error
      if (sink.writableNeedDrain) await once(sink, 'drain', { signal })
    }
  }
  sink.end()
}

function tarPacker({ commit }: Revision): Packer {
  const tar = pack()
  const mtime = new Date(commit.committedMs)
  return {
    output: tar as unknown as Readable,
    add: ({ name, size, isExecutable, target, fill }) =>
      new Promise((resolve, reject) => {
        if (size === undefined) throw new Error(`${name}: a tar wants to know its length, and its key does not tell it`)
        const settle = (error?: Error | null) => (error ? reject(error) : resolve())
        const mode = isExecutable ? 0o755 : 0o644
        if (target !== undefined) {
          tar.entry({ name, type: 'symlink', linkname: target, mode: 0o777, mtime }, settle)
          return
        }
        const sink = tar.entry({ name, size, mode, mtime }, settle)
        sink.on('error', reject) // it ends when the archive does
        fill(sink as unknown as Writable).catch(reject)
      }),
    finish: () => tar.finalize(),
  }
}

function zipPacker({ commit }: Revision): Packer {
  const zip = new ZipFile()
  const mtime = new Date(commit.committedMs)
  const output = zip.outputStream as Readable
  zip.on('error', (error: Error) => output.destroy(error))
  return {
    output,
    add: async ({ name, size, isExecutable, target, fill }) => {
      const mode = isExecutable ? 0o100755 : 0o100644
      if (target !== undefined) return zip.addBuffer(Buffer.from(target), name, { mtime, mode: 0o120777 })
      const sink = new PassThrough()
      const known = size === undefined ? { forceZip64Format: true } : { size }
      zip.addReadStream(sink, name, { mtime, mode, compress: false, ...known })
      const taken = once(sink, 'end')
      await Promise.all([taken, fill(sink)])
    },
    finish: () => zip.end(),
  }
}

/** Throws for a name that would lead out of the folder when it is unpacked. */
function safeName(name: string): string {
  const isSafe = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  if (isSafe && !/[\\\0]/.test(name)) return name
  throw new Error('a name in it would lead elsewhere where it is unpacked')
}

/** What a link says that stays in the folder; undefined for one that leads elsewhere. */
function innerTarget(name: string, target: string): string | undefined {
  if (target.startsWith('/') || /[\\\0]/.test(target)) return undefined
  let depth = name.split('/').length - 1
  for (const part of target.split('/')) {
    if (part === '..') depth -= 1
    else if (part !== '' && part !== '.') depth += 1
    if (depth < 0) return undefined
  }
  return target
}
