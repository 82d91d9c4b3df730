import type { Site } from './config.ts'

/**
 * Sorts before the places that DataLad looks at by itself; it uses the same for what it clones from
 * a store.
 */
const COST = 200

/**
 * What belongs into a dataset's .datalad/config, by key: the place where DataLad finds its
 * subdatasets, which no clone from GitLab would know, and the path of its project, by which it is
 * found again from a clone in a directory of another name.
 */
export function committedSettings(site: Site, project: string | undefined): Readonly<Record<string, string>> {
  const name = site.siblingName.replace(/[^A-Za-z0-9-]/g, '-') // git takes no other characters in the name of a setting
  return {
    [`datalad.get.subdataset-source-candidate-${COST}${name}`]: `${site.store}#{id}`,
    ...(project !== undefined && { [`riastore.${site.name}.project`]: project }),
  }
}
