import type { Child, Entry } from './store.ts'

/**
 * What is directly in a directory, out of a listing of all that is below it: for stores whose
 * listings cost nothing.
 */
export async function* childrenOf(directory: string, listing: AsyncIterable<Entry>): AsyncGenerator<Child, void, void> {
  const prefix = directory === '' ? '' : `${directory}/`
  const seen = new Set<string>()
  for await (const file of listing) {
    const slash = file.path.indexOf('/', prefix.length)
    if (slash < 0) {
      yield { path: file.path, file }
      continue
    }
    const path = file.path.slice(0, slash)
    if (!seen.has(path)) yield { path, file: undefined }
    seen.add(path)
  }
}
