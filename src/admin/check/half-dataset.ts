import { gravestonePath } from '../../ria/layout/gravestone.ts'
import { copyingDirectory } from '../../ria/layout/places.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/**
 * Why a directory has no layout file on purpose, so that nobody takes it for a dataset, and what
 * goes on with it; undefined where nothing tells that.
 */
export async function whyHidden(store: Store, directory: string, call: CallOptions): Promise<string | undefined> {
  for await (const _marker of store.children(copyingDirectory(directory), call)) {
    return 'a copy into it goes on, or was broken off: riastore copy, once more, finishes it'
  }
  if ((await store.stat(gravestonePath(directory.replace('/', '')), call)) === undefined) return undefined
  return 'it is being removed, or that was broken off: riastore gc --all finishes it, riastore restore takes it back'
}
