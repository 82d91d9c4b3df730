import { ConfigError } from '../../core/errors.ts'
import { withoutPassword } from '../../core/secret.ts'
import { isGitLabError } from '../../gitlab/gitlab-error.ts'
import { Dataset, normalizedKey } from '../dataset.ts'
import { createGitLabSibling } from '../gitlab/create.ts'
import { createSibling, type SiblingResult } from '../sibling/create.ts'
import type { Existing } from '../sibling/options.ts'
import { isOfSite } from './belonging.ts'
import { resolveSite, type Site, type SiteGitLab } from './config.ts'
import { fillTemplate, namesOf } from './naming.ts'
import { optionFlag } from './option-flag.ts'
import type { SiteValues } from './options.ts'
import { fromDataset, pickSite } from './pick.ts'
import { checkMayCommit, commitSettings } from './publication-commit.ts'
import { committedSettings } from './publication-settings.ts'
import { recordingUrlAsGiven } from './publication-url.ts'
import { readSites } from './read.ts'

export interface ApplyOptions {
  readonly signal?: AbortSignal | undefined
  /** Takes a plain line about each thing that was done. */
  readonly tell: (line: string) => void
  /**
   * What to do where siblings or the dataset in the store are there and are not what the site has.
   * Default: it is an error.
   */
  readonly existing?: Existing | undefined
  /** Only looks, and tells what would be done. */
  readonly dryRun?: boolean | undefined
}

export interface AppliedSite {
  readonly site: string
  /** Work tree of the dataset. */
  readonly path: string
  /** The dataset's name in the store: for `datalad clone <store>#<id>`. */
  readonly store: string
  readonly id: string
  readonly sibling: string
  readonly storageSibling: string
  /** Full path of the project in GitLab. */
  readonly project: string | undefined
  /** The sibling to push to. */
  readonly pushTo: string
  readonly committed: boolean
}

/**
 * Gives a dataset what a site has for it, in this order: the dataset in the store with its storage
 * sibling and git sibling, the project in GitLab, the order in which they are pushed to, what
 * everybody who clones it has to know. Each step finds what an earlier run made: after a failure
 * the same call finishes. Throws ConfigError, ProgramError, StoreError, GitLabError.
 */
export async function applySite(
  directory: string,
  siteName: string,
  given: SiteValues,
  call: ApplyOptions,
): Promise<AppliedSite> {
  const { signal, tell } = call
  const dataset = await Dataset.open(directory, { signal })
  // Without what was read of git's configuration before: each step changes that.
  const anew = () => dataset.with({ signal })
  const found = pickSite(await readSites(dataset, signal), siteName)
  const site = resolveSite(found, given)
  if (dataset.id === undefined) {
    throw new ConfigError(`${dataset.path} is no dataset of DataLad: run datalad create --force there first`)
  }
  await dataset.requireAnnexUuid()
  if (!(await dataset.hasCommit()))
    throw new ConfigError(`${dataset.path} has no commit yet: run datalad save there first`)
  checkMayCommit(dataset)
  const names = await namesOf(dataset, site.name, { signal })
  const alias = site.alias && fillTemplate(site.alias, names, optionFlag('alias'))
  // Told before anything is made: a name that cannot be is not found out half-way.
  const project =
    site.gitlab && projectOf(site.gitlab, (template) => fillTemplate(template, names, optionFlag('projectName')))

  for (const line of fromDataset(found, site, given, names)) tell(line)
  if (site.gitlab !== undefined && project !== undefined && call.existing === undefined) {
    await refuseOtherProject(dataset, site.gitlab, project)
  }
  await addStore(await recordingUrlAsGiven(anew(), site), site, alias, call)
  if (site.gitlab !== undefined && project !== undefined) {
    await addGitLab(anew(), site, site.gitlab, project, call)
  }
  const settings = committedSettings(site, project)
  const committed = call.dryRun
    ? await lacksSettings(dataset, settings)
    : await commitSettings(dataset, settings, `Note where this dataset is published (riastore, site ${site.name})`)
  if (committed && call.dryRun) tell('would note in .datalad/config, and commit, where subdatasets are found')
  else if (committed) tell('noted in .datalad/config, and committed: where subdatasets are found')
  if (!call.dryRun) await tellUnverified(anew(), site, tell)
  const pushTo = site.gitlab?.siblingName ?? site.siblingName
  if (!call.dryRun) tell(`publish with: datalad push --to ${pushTo}`)
  return {
    site: site.name,
    path: dataset.path,
    store: withoutPassword(site.store),
    id: dataset.id,
    sibling: site.siblingName,
    storageSibling: site.storageName,
    project,
    pushTo,
    committed,
  }
}

/**
 * What was made in an earlier run is found, and completed; so is what a clone of the dataset lacks.
 * What leads elsewhere is refused, and nothing is changed then.
 */
async function addStore(
  dataset: Dataset,
  site: Site,
  alias: string | undefined,
  { existing, ...call }: ApplyOptions,
): Promise<void> {
  const { store: url, pushUrl, siblingName: name, storageName, shared, group, trust: trustLevel } = site
  const { dryRun } = call
  const options = { url, pushUrl, name, storageName, alias, shared, group, trustLevel, existing, dryRun }
  try {
    tellSibling(await createSibling(dataset, options, call), call)
  } catch (error) {
    if (!(error instanceof ConfigError) || existing !== undefined || !(await isOfSite(dataset, site))) throw error
    tellSibling(await createSibling(dataset, { ...options, existing: 'reconfigure' }, call), call)
  }
}

function tellSibling({ status, message, stored, steps }: SiblingResult, { tell, dryRun }: ApplyOptions): void {
  if (status === 'notneeded') tell(`${stored}: ${message}`)
  else if (dryRun) for (const step of steps) tell(`would ${step}`)
}

async function addGitLab(
  dataset: Dataset,
  site: Site,
  { url, siblingName: name, access, visibility }: SiteGitLab,
  project: string,
  { existing, ...call }: ApplyOptions,
): Promise<void> {
  // The store before GitLab: nobody shall find a commit there whose content is nowhere.
  const { dryRun } = call
  // Where nothing is done, the sibling that it will depend on may not be there yet.
  const publishDepends = dryRun ? [] : [site.siblingName]
  const options = { gitlab: url, project, name, access, visibility, publishDepends, existing, dryRun }
  try {
    await createGitLabSibling(dataset, options, call)
  } catch (error) {
    if (isGitLabError(error, 'foreign', 'unmarked', 'taken', 'deleting')) {
      throw error.saying(`${error.reason}. Another name: datalad run-procedure cfg_${site.name} --project-name <name>`)
    }
    throw error
  }
}

/** A second project would be made before it shows that the sibling leads to the first. */
async function refuseOtherProject(dataset: Dataset, { siblingName }: SiteGitLab, project: string): Promise<void> {
  const url = await dataset.get(`remote.${siblingName}.url`)
  const path = url?.replace(/\/*(\.git)?\/*$/, '').toLowerCase() ?? ''
  const expected = project.toLowerCase()
  if (url === undefined || path.endsWith(`/${expected}`) || path.endsWith(`:${expected}`)) return
  throw new ConfigError(
    `${dataset.path}: the sibling ${siblingName} leads to ${withoutPassword(url)}, not to the project ${project} (--existing reconfigure changes that)`,
  )
}

/**
 * git-annex (since 10.20261026) sends nothing to a special remote that it enabled by itself, or
 * that was enabled by hand, before its user looked at it.
 */
async function tellUnverified(dataset: Dataset, { storageName }: Site, tell: ApplyOptions['tell']): Promise<void> {
  const verified = await dataset.get(`remote.${storageName}.annex-verified`)
  if (verified === undefined || verified === 'verified') return
  tell(`before you push, look at what ${storageName} is: git annex verifyremote ${storageName} shows it and an ID,`)
  tell(`and git annex verifyremote ${storageName} --safe ID agrees to it`)
}

/** Whether something would have to be committed in .datalad/config. */
async function lacksSettings(dataset: Dataset, settings: Readonly<Record<string, string>>): Promise<boolean> {
  const committed = await dataset.committedConfig()
  return Object.entries(settings).some(([key, value]) => committed.get(normalizedKey(key)) !== value)
}

function projectOf(gitlab: SiteGitLab, fill: (template: string) => string): string {
  return gitlab.project ?? `${gitlab.group}/${fill(gitlab.projectName)}`
}
