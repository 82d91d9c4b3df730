import { existsSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import type { Dataset, DatasetCall } from '../dataset.ts'
import { runProgram } from '../program.ts'

/** What the placeholders of a site's names stand for. */
export interface DatasetNames {
  /** Path from the outermost superdataset, its own name first, with `-` for `/`. */
  readonly name: string
  /** Name of the directory. */
  readonly directory: string
  readonly id: string
  /**
   * The dataset above whose .datalad/config notes the project that `name` begins with; undefined
   * where there is none.
   */
  readonly namedBy: string | undefined
}

/**
 * The names of a dataset. Below a superdataset that has a project of this site, `name` begins with
 * that project's name, whatever its directory is called here. A dataset that is just being made is
 * not yet registered in its superdataset: any dataset above it counts.
 */
export async function namesOf(dataset: Dataset, site: string, call: DatasetCall): Promise<DatasetNames> {
  const directory = basename(dataset.path)
  let [top, base] = [dataset.path, directory]
  let namedBy: string | undefined
  for (const path of directoriesAbove(dataset.path)) {
    if (!isDataset(path)) continue
    const project = await notedProject(path, site, call)
    ;[top, base] = [path, project === undefined ? basename(path) : basename(project)]
    if (project === undefined) continue
    namedBy = path
    break
  }
  const below = relative(top, dataset.path)
  const name = below === '' ? base : `${base}-${below.replaceAll('/', '-')}`
  return { name, directory, id: dataset.id ?? '', namedBy }
}

type Placeholders = Omit<DatasetNames, 'namedBy'>

/**
 * Puts the names into a template. What GitLab and file systems would not take in a name becomes
 * `-`. Throws ConfigError where nothing is left; `flag` is the option that helps then.
 */
export function fillTemplate(template: string, names: Placeholders, flag: string): string {
  const text = template.replace(/\{(\w+)\}/g, (_all, name: keyof Placeholders) => names[name])
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/[._-]*([._-])/g, '$1')
    .replace(/^[._-]+|[._-]+$/g, '')
  if (plain !== '') return plain
  throw new ConfigError(`no name can be made of ${JSON.stringify(text)}: give ${flag} <name>`)
}

/**
 * The project that a dataset noted for a site when it was made. Somebody else's dataset, which git
 * might refuse to open, can be read as well.
 */
async function notedProject(path: string, site: string, { signal }: DatasetCall): Promise<string | undefined> {
  const key = `riastore.${site}.project`
  const args = ['git', 'config', '--file', join(path, '.datalad', 'config'), '--no-includes', '--get', key]
  const { code, stdout } = await runProgram('git config', args, { signal, mayEndWith: [1, 3, 128] })
  return code === 0 ? decode(stdout).trim() || undefined : undefined
}

function isDataset(path: string): boolean {
  return existsSync(join(path, '.datalad', 'config')) && existsSync(join(path, '.git'))
}

function directoriesAbove(path: string): string[] {
  const above = dirname(path)
  return above === path ? [] : [above, ...directoriesAbove(above)]
}
