import { isStoreError, messageOf } from '../core/errors.ts'
import { parseGitConfig } from '../core/git-config.ts'
import { decode } from '../core/text.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { readGitsRefs } from './refs/gits-own-refs.ts'
import { RefLog } from './refs/ref-log.ts'
import { isObjectId, isRefName, type RefState } from './refs/ref-state.ts'
import { readText } from './refs/views.ts'
import { StoreFiles } from './store-files.ts'

/** What can be told of a dataset without a clone of it. */
export interface RemoteDescription {
  /** The branch that HEAD points to, `refs/heads/…`. */
  readonly head: string | undefined
  /** Object ids by the full names of the refs. */
  readonly refs: ReadonlyMap<string, string>
  readonly aliases: readonly string[]
  /** `.datalad/config` of that branch: values by key, as git prints them. */
  readonly config: Readonly<Record<string, string>>
  /** The beginning of its README. */
  readonly readme: { readonly name: string; readonly text: string } | undefined
}

/** So much of a README is told. Characters. */
const README_CHARACTERS = 2000

const README = /^readme(\.(md|markdown|txt|rst|org|adoc))?$/i

/**
 * Reads refs, `.datalad/config` and README of a bare repository on any store, whoever wrote it,
 * with isomorphic-git: nothing is cloned, and no git is asked for objects. Throws StoreError:
 * `missing` when there is no repository, `unsupported` when its packs are too large to be held in
 * memory.
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
  if (head === undefined || text === undefined) return undefined
  const lines = text.split('\n').map((line) => line.split('\t'))
  const refs = lines.flatMap(([id, name = '']) => (isObjectId(id) && isRefName(name) ? [[name, id] as const] : []))
  return { head: /^ref: (refs\/heads\/.+)$/m.exec(head)?.[1], refs: new Map(refs) }
}

async function readFiles(dataset: StoredDataset, commit: string, call: CallOptions) {
  const { default: isomorphic } = await import('isomorphic-git')
  const files = new StoreFiles(dataset.store, call)
  const repository = { fs: files, gitdir: dataset.directory, cache: {} }
  try {
    const { tree } = await isomorphic.readTree({ ...repository, oid: commit })
    const blob = async (oid: string) => decode(Buffer.from((await isomorphic.readBlob({ ...repository, oid })).blob))
    const readme = tree.find(({ path, type, mode }) => type === 'blob' && mode !== '120000' && README.test(path))
    const datalad = tree.find(({ path, type }) => type === 'tree' && path === '.datalad')
    const entries = datalad && (await isomorphic.readTree({ ...repository, oid: datalad.oid })).tree
    const config = entries?.find(({ path, type }) => type === 'blob' && path === 'config')
    const read = {
      config: config && (await blob(config.oid)),
      readme: readme && { name: readme.path, text: (await blob(readme.oid)).slice(0, README_CHARACTERS) },
    }
    if (files.failure !== undefined) throw files.failure
    return read
  } catch (error) {
    if (files.failure !== undefined) throw files.failure
    throw dataset.error('corrupt', 'show', messageOf(error), { cause: error })
  }
}

async function parseConfig(text: string | undefined, directory: string): Promise<Record<string, string>> {
  if (text === undefined) return {}
  const config = await parseGitConfig(Buffer.from(text), `${directory}: .datalad/config`)
  return Object.fromEntries([...config.keys()].map((key) => [key, config.get(key) ?? '']))
}
