import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isRefName } from '../refs/ref-state.ts'

/** More than this is no small repository. Bytes, and refs. */
const MAX_BYTES = 256 * 1024
const MAX_REFS = 500

const PACKED_HEADER = '# pack-refs with: peeled fully-peeled sorted '

/**
 * The refs, where all of them are kept as git itself writes them, and HEAD is a branch; undefined
 * otherwise.
 */
export async function readPlainRefs(
  dataset: StoredDataset,
  call: CallOptions,
): Promise<ReadonlyMap<string, string> | undefined> {
  const read = async (path: string) => (await dataset.findSmall(path, MAX_BYTES, call))?.toString('latin1')
  const [, head] = /^ref: (refs\/heads\/[^\n]+)\n$/.exec((await read('HEAD')) ?? '') ?? []
  if (head === undefined || !isRefName(head)) return undefined
  const packed = await read('packed-refs')
  const refs = packed === undefined ? new Map<string, string>() : parsePacked(packed)
  if (refs === undefined) return undefined
  for await (const { path, size } of dataset.store.list(dataset.path('refs'), call)) {
    const name = path.slice(dataset.directory.length + 1)
    const [, id] = (size === 41 && /^([0-9a-f]{40})\n$/.exec((await read(name)) ?? '')) || []
    if (id === undefined || !isPlainRef(name) || refs.size >= MAX_REFS) return undefined
    refs.set(name, id)
  }
  return refs
}

/** Refs below `refs/replace` change what every object is. */
function isPlainRef(name: string): boolean {
  return isRefName(name) && !name.startsWith('refs/replace/') && !/\.lock$|\.lock\/|[/.]$/.test(name)
}

function parsePacked(text: string): Map<string, string> | undefined {
  const [header, ...lines] = text.split('\n')
  if (header !== PACKED_HEADER || lines.pop() !== '') return undefined
  const refs = new Map<string, string>()
  let last = ''
  let canBePeeled = false
  for (const line of lines) {
    const [, mark, id = '', name] = /^(\^?)([0-9a-f]{40})(?: (.+))?$/.exec(line) ?? []
    if (mark === '^' && name === undefined && canBePeeled) canBePeeled = false
    else if (mark === '' && name !== undefined && name > last && isPlainRef(name)) {
      refs.set(name, id)
      last = name
      canBePeeled = true
    } else return undefined
  }
  return refs
}
