import { isStoreError } from '../../core/errors.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { GitObject } from '../objects/pack-reader.ts'
import { isGraphTrue } from './plain-commit-graph.ts'
import { areAttributesPlain, readPlain } from './plain-formats.ts'
import { endsWithChecksum, idOf, inflateAll, readPlainPack } from './plain-pack.ts'
import { readPlainRefs } from './plain-refs.ts'

/** Of a larger repository git reads more in less time. Files, and bytes, packed and unpacked. */
const MAX_FILES = 500
const MAX_FILE_BYTES = 2 * 1024 * 1024
const MAX_OBJECT_BYTES = 16 * 1024 * 1024

/**
 * What may lie in a repository that is read here. Not a reflog, an index, a work tree, or what only
 * a part of a history has: `git fsck` looks into those, too.
 */
const TOP_NAMES =
  /^(HEAD|config|description|packed-refs|FETCH_HEAD|info|objects|refs|branches|hooks|annex|archives|quarantine|riastore|ria-layout-version|ora-remote-.*)$/

/** Settings as git and DataLad make them; of a wrong value of others git may complain. */
const CORE_LINE =
  /^\s*(repositoryformatversion = 0|(filemode|bare|ignorecase|precomposeunicode|symlinks|logallrefupdates) = (true|false)|sharedrepository = (group|all|world|everybody|umask|true|false|[0-2]|0?[0-7]{3}))$/i

/** Sections that no `git fsck` reads. */
const OTHER_SECTION = /^\[(datalad|annex|receive)( "[\w.-]*")?\]$/i

const OTHER_LINE = /^\s*([a-z][a-z0-9-]*\s*=[^\\"]*)$/i

/**
 * Whether a small repository is as whole as `git fsck --full` wants it: every object is what its id
 * says, in the form in which git writes it, and all that one names is there; packs, indices, the
 * commit-graph and refs are without a fault. True is said only where git would find nothing either;
 * false: it is not known, and git has to be asked. It costs less than to start git, which is what
 * takes longest in a store of many small datasets. Throws StoreError when the store cannot be
 * reached.
 */
export async function isPlainlyWhole(dataset: StoredDataset, call: CallOptions = {}): Promise<boolean> {
  try {
    if (!(await isPlainDirectory(dataset, call))) return false
    const files = await objectFiles(dataset, call)
    if (files === undefined) return false
    const refs = await readPlainRefs(dataset, call)
    if (refs === undefined) return false
    const objects = await readObjects(dataset, files, call)
    return objects !== undefined && isConnected(objects, refs)
  } catch (error) {
    if (call.signal?.aborted || isStoreError(error, 'unreachable', 'transient', 'aborted')) throw error
    return false // git tells what is wrong
  }
}

async function isPlainDirectory(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  for await (const { path } of dataset.store.children(dataset.directory, call)) {
    if (!TOP_NAMES.test(path.slice(dataset.directory.length + 1))) return false
  }
  const config = (await dataset.readSmall('config', MAX_FILE_BYTES, call)).toString('latin1')
  if (!isPlainConfig(config)) return false
  return (await dataset.store.stat(dataset.path('info/grafts'), call)) === undefined
}

/** Whether nothing in it changes what git takes for an object or a ref, or what it complains of. */
function isPlainConfig(config: string): boolean {
  let line: RegExp | undefined
  for (const text of config.split('\n')) {
    if (text === '' || /^\s*[#;]/.test(text)) continue
    if (text === '[core]') line = CORE_LINE
    else if (OTHER_SECTION.test(text)) line = OTHER_LINE
    else if (!line?.test(text)) return false
  }
  return true
}

/** The files below `objects/`, by their names there; undefined where there are many, or others. */
async function objectFiles(dataset: StoredDataset, call: CallOptions): Promise<readonly string[] | undefined> {
  const names: string[] = []
  const top = dataset.path('objects')
  let left = MAX_FILE_BYTES
  for await (const { path, size } of dataset.store.list(top, call)) {
    const name = path.slice(top.length + 1)
    left -= size
    if (!OBJECT_FILE.test(name) || names.length >= MAX_FILES || left < 0) return undefined
    names.push(name)
  }
  const there = new Set(names)
  const isWhole = (name: string) =>
    !name.startsWith('pack/') || ['pack', 'idx'].every((end) => there.has(name.replace(/[^.]+$/, end)))
  return names.every(isWhole) ? names : undefined
}

const OBJECT_FILE =
  /^([0-9a-f]{2}\/[0-9a-f]{38}|pack\/pack-[0-9a-f]{40}\.(pack|idx|rev|bitmap|keep)|info\/(packs|commit-graph))$/

async function readObjects(
  dataset: StoredDataset,
  names: readonly string[],
  call: CallOptions,
): Promise<ReadonlyMap<string, GitObject> | undefined> {
  const read = (name: string) => dataset.readSmall(`objects/${name}`, MAX_FILE_BYTES, call)
  const objects = new Map<string, GitObject>()
  let left = MAX_OBJECT_BYTES
  const add = (id: string, object: GitObject) => {
    left -= object.content.length
    objects.set(id, object)
  }
  for (const name of names) {
    if (left < 0) return undefined
    if (name.endsWith('.pack')) {
      const [idx, rev] = [name.replace(/pack$/, 'idx'), name.replace(/pack$/, 'rev')]
      const files = {
        pack: await read(name),
        idx: await read(idx),
        rev: names.includes(rev) ? await read(rev) : undefined,
      }
      const found = readPlainPack(files, left)
      if (found === undefined) return undefined
      for (const [id, object] of found) add(id, object)
    } else if (name.endsWith('.bitmap')) {
      if (!endsWithChecksum(await read(name))) return undefined
    } else if (/^[0-9a-f]{2}\//.test(name)) {
      const object = readLoose(await read(name), left)
      const id = name.replace('/', '')
      if (object === undefined || idOf(object) !== id) return undefined
      add(id, object)
    }
  }
  if (left < 0) return undefined
  if (names.includes(GRAPH) && !isGraphTrue(await read(GRAPH), objects)) return undefined
  return objects
}

const GRAPH = 'info/commit-graph'

/** Throws zlib's errors, and RangeError. */
function readLoose(packed: Buffer, maxBytes: number): GitObject | undefined {
  const whole = inflateAll(packed, undefined, maxBytes)
  const start = whole.indexOf(0) + 1
  const [, type, size] =
    /^(commit|tree|blob|tag) (0|[1-9]\d*)\0$/.exec(whole.subarray(0, Math.min(start, 40)).toString('latin1')) ?? []
  const content = whole.subarray(start)
  return type !== undefined && content.length === Number(size)
    ? { type: type as GitObject['type'], content }
    : undefined
}

/** All that an object or a ref names is there, and is of the kind that it has to be. */
function isConnected(objects: ReadonlyMap<string, GitObject>, refs: ReadonlyMap<string, string>): boolean {
  for (const object of objects.values()) {
    const plain = readPlain(object)
    if (plain === undefined || !plain.links.every(({ id, type }) => objects.get(id)?.type === type)) return false
    const areRead = plain.attributes.every((id) => areAttributesPlain(objects.get(id)?.content ?? Buffer.alloc(1)))
    if (!areRead) return false
  }
  for (const [name, id] of refs) {
    const found = objects.get(id)
    if (found === undefined || (name.startsWith('refs/heads/') && found.type !== 'commit')) return false
  }
  return true
}
