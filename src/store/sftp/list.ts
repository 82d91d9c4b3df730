import type { CallOptions, Child, Entry, ListOptions } from '../store.ts'
import type { Connected } from './connection.ts'
import { isNoSuchFile } from './errors.ts'
import { permissionsOf, toStat } from './stat.ts'

type Run = <T>(path: string, work: (connected: Connected, file: string) => Promise<T>) => Promise<T>

/**
 * The files below a directory. Each batch of names is a call of its own, so a walk that takes long
 * is none that stalls.
 */
export async function* listSftp(
  directory: string,
  run: Run,
  { links = false, strictLinks = false }: ListOptions,
): AsyncIterable<Entry> {
  const pending = [directory]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for await (const { filename, attrs } of entriesOf(path, strictLinks, run)) {
      if (filename === '.' || filename === '..') continue
      const child = path === '' ? filename : `${path}/${filename}`
      if (attrs.isDirectory()) pending.push(child)
      else if (attrs.isFile()) yield { path: child, ...toStat(attrs), permissions: permissionsOf(attrs) }
      else if (links && attrs.isSymbolicLink()) {
        const target = await run(child, ({ session }, file) => session.readlink(file))
        yield { path: child, ...toStat(attrs), target }
      }
    }
  }
}

/** What is directly in a directory. */
export async function* childrenSftp(
  directory: string,
  run: Run,
  { strictLinks = false }: CallOptions,
): AsyncIterable<Child> {
  for await (const { filename, attrs } of entriesOf(directory, strictLinks, run)) {
    if (filename === '.' || filename === '..') continue
    const path = directory === '' ? filename : `${directory}/${filename}`
    if (attrs.isDirectory()) yield { path, file: undefined }
    else if (attrs.isFile()) yield { path, file: { path, ...toStat(attrs), permissions: permissionsOf(attrs) } }
  }
}

async function* entriesOf(path: string, strict: boolean, run: Run) {
  const handle = await run(path, async ({ session, tree }, file) => {
    const looking = tree.directory(file, { op: 'list', strict })
    const opening = session.openDirectory(file) // sent along: to open a directory does nothing
    opening.catch(() => {}) // awaited below
    try {
      await looking
      return await opening
    } catch (error) {
      opening.then((opened) => session.closeHandle(opened)).catch(() => {})
      if (isNoSuchFile(error)) return undefined
      throw error
    }
  })
  if (handle === undefined) return
  try {
    for (;;) {
      const batch = await run(path, ({ session }) => session.readDirectory(handle))
      if (batch === undefined) return
      yield* batch
    }
  } finally {
    run(path, ({ session }) => session.closeHandle(handle)).catch(() => {})
  }
}
