import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { dirHash } from '../../../src/core/dirhash.ts'
import { keyFileName } from '../../../src/core/key.ts'
import { encode } from '../../../src/core/text.ts'
import type { Store } from '../../../src/store/store.ts'
import { write } from '../stores/stores.ts'

/** A file as git has it: its content, or where a link leads, or the commit of a subdataset. */
export type GitFile = string | { readonly link: string } | { readonly commit: string }

export interface CommitOptions {
  /** Default: `main`. */
  readonly branch?: string
  /** ms since 1970. */
  readonly committedMs?: number
}

/** Commits files to a bare repository in a store, without git. HEAD points to main. */
export async function commitFiles(
  store: Store,
  directory: string,
  files: Readonly<Record<string, GitFile>>,
  { branch = 'main', committedMs = 1_700_000_000_000 }: CommitOptions = {},
): Promise<string> {
  const put = (type: string, content: Buffer) => putObject(store, directory, type, content)
  const tree = async (below: Readonly<Record<string, GitFile>>): Promise<string> => {
    const entries: [name: string, mode: string, id: string][] = []
    const directories = new Map<string, Record<string, GitFile>>()
    for (const [path, file] of Object.entries(below)) {
      const slash = path.indexOf('/')
      if (slash >= 0) {
        const name = path.slice(0, slash)
        directories.set(name, { ...directories.get(name), [path.slice(slash + 1)]: file })
      } else if (typeof file === 'string') entries.push([path, '100644', await put('blob', Buffer.from(file))])
      else if ('link' in file) entries.push([path, '120000', await put('blob', Buffer.from(file.link))])
      else entries.push([path, '160000', file.commit])
    }
    for (const [name, content] of directories) entries.push([name, '40000', await tree(content)])
    const sortName = ([name, mode]: (typeof entries)[number]) => (mode === '40000' ? `${name}/` : name)
    entries.sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1))
    const parts = entries.map(([name, mode, id]) =>
      Buffer.concat([encode(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
    )
    return put('tree', Buffer.concat(parts))
  }
  const who = `A Name <a@example.org> ${committedMs / 1000} +0000`
  const text = `tree ${await tree(files)}\nauthor ${who}\ncommitter ${who}\n\na commit\n`
  const commit = await put('commit', Buffer.from(text))
  await write(store, `${directory}/HEAD`, 'ref: refs/heads/main\n')
  await write(store, `${directory}/refs/heads/${branch}`, `${commit}\n`)
  return commit
}

/** A locked file of git-annex. */
export function annexLink(key: string): GitFile {
  const name = keyFileName(key)
  return { link: `.git/annex/objects/${dirHash(key).mixed}/${name}/${name}` }
}

/** An unlocked file of git-annex. */
export function annexPointer(key: string): GitFile {
  return `/annex/objects/${keyFileName(key)}\n`
}

async function putObject(store: Store, directory: string, type: string, content: Buffer): Promise<string> {
  const object = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content])
  const id = createHash('sha1').update(object).digest('hex')
  await write(store, `${directory}/objects/${id.slice(0, 2)}/${id.slice(2)}`, deflateSync(object))
  return id
}
