import type { FileFacts } from '../admin/inventory/files.ts'
import type { DatasetLinks } from './pages/card-page.ts'
import { type FileLinks, nameOfPath } from './pages/page.ts'
import { canPreview } from './pages/preview-kinds.ts'
import { escapePart } from './url-part.ts'

/** Where the row of a file leads in the list of its directory. */
export function fileLinks({ path, kind, present }: FileFacts): FileLinks {
  if (kind === 'subdataset' || present === false) return { href: undefined }
  const href = besides(nameOfPath(path))
  if (kind === 'directory') return { href: `${href}/` }
  return { href, view: canPreview(path) ? `${href}?view` : undefined }
}

/** A file, from the list of its directory or a page about it. */
export function besides(name: string): string {
  return `./${escapePart(name)}`
}

/** Where the top of a dataset leads. */
export const DATASET_LINKS: DatasetLinks = {
  history: '?history',
  archives: [
    ['zip', '?archive=zip'],
    ['tar', '?archive=tar'],
  ],
  dataset: (id) => `/d/${id}/HEAD/`,
}

/** The page of a dataset, from the list of all. */
export function datasetHref(id: string): string {
  return `d/${escapePart(id)}/HEAD/`
}

/** The dataset at another commit, from its top. */
export function commitHref(id: string): string {
  return `../${id}/`
}

/** The way down to a directory, for `pageTop`. */
export function trailTo(dataset: string, ref: string, path: string): [name: string, href: string][] {
  const top = `/d/${escapePart(dataset)}/${escapePart(ref)}/`
  const parts = path.split('/').filter((part) => part !== '')
  const below = parts.slice(0, -1).map((part, i): [string, string] => {
    const to = parts.slice(0, i + 1).map(escapePart)
    return [part, `${top}${to.join('/')}/`]
  })
  return [['Datasets', '/'], ...(parts.length === 0 ? [] : [[dataset, top] as [string, string]]), ...below]
}
