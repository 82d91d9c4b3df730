import type { FileFacts } from '../../admin/inventory/files.ts'
import type { StoredKeys } from '../../admin/inventory/stored-keys.ts'
import { isStoreError } from '../../core/errors.ts'
import { encodePath } from '../../store/common/http-wire.ts'
import type { CallOptions } from '../../store/store.ts'
import { type FileLinks, nameOfPath } from '../pages/page.ts'

/** Through which addresses readers get content. */
export interface ContentOptions {
  /** Of a `riastore serve` of the store; ends with `/`. */
  readonly serveUrl?: string | undefined
  /**
   * Where the store's own files can be read; ends with `/`. It may be relative to the pages of a
   * dataset.
   */
  readonly publicUrl?: string | undefined
  /** Makes a link to a file of the store that works for a while. */
  readonly presign?: Presign | undefined
}

export type Presign = (
  path: string,
  fileName: string,
) => Promise<{
  readonly url: string
  /** Undefined: the link does not end. ms since 1970. */
  readonly untilMs: number | undefined
}>

/** The content of a file, for those who have pages and no server. */
export interface Content extends Pick<FileLinks, 'href' | 'download' | 'state'> {
  /** Until when the link works. Undefined: it does not end. ms since 1970. */
  readonly untilMs?: number | undefined
}

/** Finds out where the content of the files of one dataset at a commit can be had. */
export class ContentLinks {
  readonly #keys: Pick<StoredKeys, 'find'>
  readonly #options: ContentOptions
  readonly #at: { readonly id: string; readonly commit: string }

  constructor(
    keys: Pick<StoredKeys, 'find'>,
    options: ContentOptions,
    at: { readonly id: string; readonly commit: string },
  ) {
    this.#keys = keys
    this.#options = options
    this.#at = at
  }

  /** Of a file, annexed or in git. Throws StoreError. */
  async contentOf({ path, key, kind }: Pick<FileFacts, 'path' | 'key' | 'kind'>, call: CallOptions): Promise<Content> {
    const served = this.served(path)
    if (key === undefined) {
      if (served !== undefined && kind !== 'link') return { href: served, state: 'here' }
      return { href: undefined, state: kind === 'link' ? 'a link' : 'in git: clone to get it' }
    }
    let copy: Awaited<ReturnType<StoredKeys['find']>>
    try {
      copy = await this.#keys.find(key, call)
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
      return { href: undefined, state: 'damaged in this store' }
    }
    if (copy === undefined) return { href: undefined, state: 'not in this store' }
    if (copy.path === undefined) {
      if (served !== undefined) return { href: served, state: 'here' }
      return { href: undefined, state: 'in the archive: clone to get it' }
    }
    const name = nameOfPath(path)
    const { publicUrl, presign } = this.#options
    if (presign !== undefined) {
      const { url, untilMs } = await presign(copy.path, name)
      return { href: url, state: 'here', untilMs }
    }
    if (publicUrl !== undefined) return { href: publicUrl + encodePath(copy.path), download: name, state: 'here' }
    if (served !== undefined) return { href: served, state: 'here' }
    return { href: undefined, state: 'clone to get it' }
  }

  /** A path by way of a server, at this very commit. */
  served(path: string): string | undefined {
    const { serveUrl } = this.#options
    return serveUrl && `${serveUrl}d/${encodePath(this.#at.id)}/${this.#at.commit}/${encodePath(path)}`
  }
}

/** Places that pictures of content come from, as a policy of pages names them. */
export function pictureSources(urls: readonly (string | undefined)[]): readonly string[] {
  const origins = urls.flatMap((url) => (url !== undefined && URL.canParse(url) ? [new URL(url).origin] : []))
  return [...new Set(origins)]
}
