import { relative } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { parseProjectPath } from '../../gitlab/names.ts'
import type { Dataset } from '../dataset.ts'

/**
 * Where the projects of a dataset and its subdatasets lie, as DataLad's create-sibling-gitlab has
 * it; P is the project path that was given, and `sub/ds` the path of a subdataset. `collection`: P
 * is a group, the root is `P/project`, the subdataset `P/sub-ds`. `flat`: the root is `P`, the
 * subdataset `P-sub-ds`.
 */
export type GitLabLayout = 'collection' | 'flat'

export const LAYOUTS: readonly GitLabLayout[] = ['collection', 'flat']

/** What `collection` calls the root's project. DataLad's default, too. */
const ROOT_PROJECT = 'project'

export interface PlacedDataset {
  readonly dataset: Dataset
  readonly id: string
  /** Full path of its project. */
  readonly project: string
}

/**
 * Gives each dataset its project. Throws ConfigError for a path that GitLab would refuse, for two
 * datasets with one project, and for a dataset without an id. Without a layout there may be one
 * dataset only; its project has the very path that was given.
 */
export function placeDatasets(
  root: Dataset,
  datasets: readonly Dataset[],
  project: string,
  layout: GitLabLayout | undefined,
): readonly PlacedDataset[] {
  const placed = new Map<string, PlacedDataset>()
  for (const dataset of datasets) {
    const path = projectOf(relative(root.path, dataset.path), project, layout)
    parseProjectPath(path)
    if (dataset.id === undefined) throw new ConfigError(`${dataset.path} is no dataset of DataLad: it has no id`)
    const other = placed.get(path.toLowerCase())
    if (other !== undefined) {
      throw new ConfigError(`${other.dataset.path} and ${dataset.path} would have one project, ${path}`)
    }
    placed.set(path.toLowerCase(), { dataset, id: dataset.id, project: path })
  }
  return [...placed.values()]
}

function projectOf(path: string, project: string, layout: GitLabLayout | undefined): string {
  const name = path.replaceAll('/', '-')
  if (layout === 'collection') return `${project}/${name === '' ? ROOT_PROJECT : name}`
  return name === '' ? project : `${project}-${name}`
}
