import { StoreError } from '../core/errors.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { isObjectId, isPackName, isRefName, type RefState } from './ref-state.ts'
import { readText } from './views.ts'

/**
 * Reads the state of a repository that git itself wrote and somebody copied here; undefined when there is none. All of its objects have to be in
 * packs. Throws `unsupported` when they are not.
 */
export async function readForeign(store: Store, directory: string, call: CallOptions): Promise<RefState | undefined> {
  const found = await readGitsRefs(store, directory, call)
  if (found === undefined) return undefined
  const packs: string[] = []
  for await (const { path } of store.list(`${directory}/objects`, call)) {
    const [, area = '', file = ''] = /\/objects\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    if (area === 'pack' && file.endsWith('.pack') && isPackName(file.slice(0, -5))) packs.push(file.slice(0, -5))
    if (/^[0-9a-f]{2}$/.test(area) && /^[0-9a-f]{38}$/.test(file)) throw looseObjects(store, directory)
  }
  return { generation: 0, ...found, packs: packs.sort(), merged: new Map(), aliases: [] }
}

/** The refs as git keeps them; undefined when there is no repository. */
export async function readGitsRefs(
  store: Store,
  directory: string,
  call: CallOptions,
): Promise<Pick<RefState, 'head' | 'refs' | 'peeled'> | undefined> {
  const head = await readText(store, `${directory}/HEAD`, call)
  if (head === undefined) return undefined
  const refs = new Map<string, string>()
  const peeled = new Map<string, string>()
  let last = ''
  for (const line of ((await readText(store, `${directory}/packed-refs`, call)) ?? '').split('\n')) {
    const [, mark, id = '', name = last] = /^(\^?)([0-9a-f]{40})(?: (.+))?$/.exec(line) ?? []
    if (!isObjectId(id) || !isRefName(name)) continue
    if (mark === '^') peeled.set(name, id)
    else refs.set(name, id)
    last = name
  }
  for await (const { path } of store.list(`${directory}/refs`, call)) {
    const name = path.slice(directory.length + 1)
    if (!isRefName(name)) continue
    const id = (await readText(store, path, call))?.trim()
    if (!isObjectId(id)) continue
    refs.set(name, id)
    peeled.delete(name)
  }
  const [, branch] = /^ref: (refs\/heads\/.+)$/m.exec(head) ?? []
  return { head: branch, refs, peeled }
}

function looseObjects(store: Store, directory: string): StoreError {
  const message =
    'the repository has objects that are in no pack: run git gc in it where it came from, and copy it again'
  return new StoreError({ kind: 'unsupported', op: 'git', where: `${store.traits.root}/${directory}`, message })
}
