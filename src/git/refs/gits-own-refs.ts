import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isObjectId, isPackName, isRefName, type RefState } from './ref-state.ts'
import { readText } from './views.ts'

/**
 * Reads the state of a repository that git itself wrote, here or where it was copied from;
 * undefined when there is none. Throws `unsupported` when it is kept in a way that we cannot read.
 */
export async function readForeign(dataset: StoredDataset, call: CallOptions): Promise<RefState | undefined> {
  const found = await readGitsRefs(dataset, call)
  if (found === undefined) return undefined
  const packs: string[] = []
  const loose: string[] = []
  for await (const { path } of dataset.store.list(dataset.path('objects'), call)) {
    const [, area = '', file = ''] = /\/objects\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    if (area === 'pack' && file.endsWith('.pack') && isPackName(file.slice(0, -5))) packs.push(file.slice(0, -5))
    if (area.length === 2 && isObjectId(area + file)) loose.push(area + file)
  }
  return { generation: 0, ...found, packs: packs.sort(), loose, merged: new Map(), aliases: [] }
}

/**
 * The refs as git keeps them; undefined when there is no repository. Throws as `readForeign` does.
 */
export async function readGitsRefs(
  dataset: StoredDataset,
  call: CallOptions,
): Promise<Pick<RefState, 'head' | 'refs' | 'peeled'> | undefined> {
  const head = await readText(dataset.store, dataset.path('HEAD'), call)
  if (head === undefined) return undefined
  requireReadable(dataset, (await readText(dataset.store, dataset.path('config'), call)) ?? '')
  const refs = new Map<string, string>()
  const peeled = new Map<string, string>()
  let last = ''
  for (const line of ((await readText(dataset.store, dataset.path('packed-refs'), call)) ?? '').split('\n')) {
    const [, mark, id = '', name = last] = /^(\^?)([0-9a-f]{40})(?: (.+))?$/.exec(line) ?? []
    if (!isObjectId(id) || !isRefName(name)) continue
    if (mark === '^') peeled.set(name, id)
    else refs.set(name, id)
    last = name
  }
  for await (const { path } of dataset.store.list(dataset.path('refs'), call)) {
    const name = path.slice(dataset.directory.length + 1)
    if (!isRefName(name)) continue
    const id = (await readText(dataset.store, path, call))?.trim()
    if (!isObjectId(id)) continue
    refs.set(name, id)
    peeled.delete(name)
  }
  const [, branch] = /^ref: (refs\/heads\/.+)$/m.exec(head) ?? []
  return { head: branch, refs, peeled }
}

/**
 * Extensions of git's format under which all refs would seem to be gone. Source: git-config(1),
 * extensions.*.
 */
function requireReadable(dataset: StoredDataset, config: string): void {
  const [, what = ''] =
    /^\s*(objectformat\s*=\s*(?!"?sha1\b)\w+|refstorage\s*=\s*(?!"?files\b)\w+)/im.exec(config) ?? []
  if (what === '') return
  const message = `git keeps this repository in a way that only git can read (extensions.${what.replace(/\s/g, '')})`
  throw dataset.error('unsupported', 'git', message)
}
