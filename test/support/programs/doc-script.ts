import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectDirectory } from './programs.ts'

/**
 * All `sh` blocks of a page, as one script that ends at the first command that fails. A line that
 * sets one of `values` gets that value instead of the page's; each has to be set somewhere.
 */
export async function docScript(page: string, values: Readonly<Record<string, string>>): Promise<string> {
  const text = await readFile(join(projectDirectory, page), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
  const unset = new Set(Object.keys(values))
  const lines = blocks
    .join('\n')
    .split('\n')
    .map((line) => {
      const [, name = ''] = /^([A-Z]+)=/.exec(line) ?? []
      const value = values[name]
      if (value === undefined) return line
      unset.delete(name)
      return `${name}='${value.replaceAll("'", `'\\''`)}'`
    })
  if (unset.size > 0) throw new Error(`${page} sets no ${[...unset].join(', ')}`)
  return ['set -eu', ...lines].join('\n')
}
