import { isStoreError } from '../core/errors.ts'
import { parseGitConfig } from '../core/git-config.ts'
import { decode } from '../core/text.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { annexKeyOf } from './annexed-file.ts'
import { ObjectReader } from './objects/object-reader.ts'
import { readGitsRefs } from './refs/gits-own-refs.ts'
import { RefLog } from './refs/ref-log.ts'
import { isObjectId, isRefName, type RefState } from './refs/ref-state.ts'
import { readText } from './refs/views.ts'
import { Revision, type RevisionEntry } from './revision.ts'

/** What can be told of a dataset without a clone of it. */
export interface RemoteDescription {
  /** The branch that HEAD points to, `refs/heads/…`. */
  readonly head: string | undefined
  /** Object ids by the full names of the refs. */
  readonly refs: ReadonlyMap<string, string>
  readonly aliases: readonly string[]
  /** `.datalad/config` of that branch: values by key, as git prints them. */
  readonly config: Readonly<Record<string, string>>
  readonly readme: Readme | undefined
}

/** A README, and how it begins. */
export interface Readme {
  readonly name: string
  /** Undefined when it is annexed: git has no text of it. */
  readonly text: string | undefined
  /** Of an annexed one. */
  readonly key?: string
}

/** So much of a README is told. Characters. */
export const README_CHARACTERS = 2000

const README = /^readme(\.(md|markdown|txt|rst|org|adoc))?$/i

/**
 * Reads refs, `.datalad/config` and README of a bare repository on any store, whoever wrote it:
 * nothing is cloned, and no git is asked for objects. Throws StoreError: `missing` when there is no
 * repository.
 */
export async function readRemote(dataset: StoredDataset, call: CallOptions = {}): Promise<RemoteDescription> {
  const { head, refs, aliases } = await readRefs(dataset, call)
  const commit = head && refs.get(head)
  const files = commit ? await readFiles(dataset, commit, call) : { config: undefined, readme: undefined }
  return { head, refs, aliases, config: await parseConfig(files.config, dataset.directory), readme: files.readme }
}

type Refs = Pick<RefState, 'head' | 'refs' | 'aliases'>

/**
 * The refs of a bare repository on any store, whoever wrote it. Throws StoreError: `missing` when
 * there is no repository.
 */
export async function readRefs(dataset: StoredDataset, call: CallOptions = {}): Promise<Refs> {
  try {
    const state = await new RefLog(dataset).newest(call)
    if (state.generation > 0) return state
    const found = await readGitsRefs(dataset, call)
    if (found !== undefined) return { ...found, aliases: [] }
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    const shown = await readShownRefs(dataset, call)
    if (shown !== undefined) return { ...shown, aliases: [] }
  }
  throw dataset.error('missing', 'show', 'there is no git repository')
}

/** Of a web server, which lists nothing. */
async function readShownRefs(dataset: StoredDataset, call: CallOptions) {
  const head = await readText(dataset.store, dataset.path('HEAD'), call)
  const text = await readText(dataset.store, dataset.path('info/refs'), call)
  if (head === undefined) return undefined
  if (text === undefined) {
    const message = 'what is in it is not shown to the web: git update-server-info has to be run in it, on the server'
    throw dataset.error('missing', 'show', message, { path: dataset.path('info/refs') })
  }
  const lines = text.split('\n').map((line) => line.split('\t'))
  const refs = lines.flatMap(([id, name = '']) => (isObjectId(id) && isRefName(name) ? [[name, id] as const] : []))
  return { head: /^ref: (refs\/heads\/.+)$/m.exec(head)?.[1], refs: new Map(refs) }
}

async function readFiles(dataset: StoredDataset, commit: string, call: CallOptions) {
  const revision = await Revision.open(dataset, new ObjectReader(dataset, call), commit)
  const top = await revision.find('')
  let readme: RevisionEntry | undefined
  for await (const entry of top === undefined ? [] : revision.list(top, false)) {
    if (entry.kind !== 'directory' && entry.kind !== 'subdataset' && README.test(entry.name)) readme ??= entry
  }
  const config = await revision.find('.datalad/config')
  return {
    config: config && config.kind !== 'directory' ? decode(await revision.read(config)) : undefined,
    readme: readme && (await readReadme(revision, readme)),
  }
}

async function readReadme(revision: Revision, entry: RevisionEntry): Promise<Readme | undefined> {
  const { name } = entry
  const key = await annexKeyOf(revision, entry)
  if (key !== undefined) return { name, text: undefined, key }
  if (entry.kind === 'link') return undefined // to another file
  return { name, text: decode(await revision.read(entry)).slice(0, README_CHARACTERS) }
}

async function parseConfig(text: string | undefined, directory: string): Promise<Record<string, string>> {
  if (text === undefined) return {}
  const config = await parseGitConfig(Buffer.from(text), `${directory}: .datalad/config`)
  return Object.fromEntries([...config.keys()].map((key) => [key, config.get(key) ?? '']))
}
