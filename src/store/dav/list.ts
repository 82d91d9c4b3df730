import { encodePath } from '../common/http-wire.ts'
import type { Child, Entry } from '../store.ts'
import { pathOfHref, pathOfUrl } from './paths.ts'
import type { DavCall, DavRequests } from './requests.ts'

/**
 * Lists the files below a directory, one directory after the other: many servers refuse to tell of
 * a whole tree at once (RFC 4918, section 9.1). What a server tells of one is read whole before any
 * of it is given, so that nobody keeps it waiting.
 */
export async function* listFiles(requests: DavRequests, call: DavCall, directory: string): AsyncGenerator<Entry> {
  const waiting = [directory]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { files, directories } = await readDirectory(requests, call, next)
    waiting.push(...directories)
    yield* files
  }
}

/** What is directly in a directory. */
export async function* listChildren(requests: DavRequests, call: DavCall, directory: string): AsyncGenerator<Child> {
  const { files, directories } = await readDirectory(requests, call, directory)
  for (const path of directories) yield { path, file: undefined }
  for (const file of files) yield { path: file.path, file }
}

interface Listing {
  readonly files: readonly Entry[]
  readonly directories: readonly string[]
}

async function readDirectory(requests: DavRequests, call: DavCall, directory: string): Promise<Listing> {
  const files: Entry[] = []
  const directories: string[] = []
  const url = requests.url(call.op, directory)
  const answer = await requests.propfind(call, `${url}/`, '1')
  if (answer === undefined) return { files, directories }
  const own = pathOfUrl(new URL(url).pathname)
  let hasOwn = false
  for await (const resource of requests.resources(call, answer)) {
    const path = pathOfHref(resource.href)
    if (path === own) {
      hasOwn = true
      continue
    }
    const name = path?.startsWith(`${own}/`) ? path.slice(own.length + 1) : undefined
    if (name === undefined || name.includes('/') || name === '.' || name === '..') {
      throw requests.refusal(call, `lists ${JSON.stringify(encodePath(path ?? ''))} as being in this directory`)
    }
    const below = directory === '' ? name : `${directory}/${name}`
    if (resource.isCollection) directories.push(below)
    else files.push({ path: below, ...requests.statOf(call, resource) })
  }
  // It is told of together with what is in it: without that the listing is of something else.
  if (!hasOwn) throw requests.refusal(call, 'does not list the directory that was asked for')
  return { files, directories }
}
