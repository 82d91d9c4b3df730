import { ConfigError } from '../../core/errors.ts'
import { withoutPassword } from '../../core/secret.ts'
import { parseGitLabUrl } from '../../gitlab/address.ts'
import { parseStoreUrl } from '../../ria/url.ts'
import { factsOf } from '../../store/schemes.ts'

/** One thing that can be said about a site. */
export interface SiteOption {
  /** What it means, for --help and docs/site-setup.md. */
  readonly help: string
  /** What counts where it is not set, in words. */
  readonly byDefault: string
  /**
   * Throws ConfigError, `check` having the name in front of it, for a value that cannot be worked
   * with.
   */
  readonly check: (value: string) => void
  /**
   * A dataset's own .datalad/config may set it too: nothing that decides where data or tokens go,
   * or who sees them.
   */
  readonly fromDataset: boolean
}

/**
 * All that `[riastore "<site>"]` in git's configuration can hold. The options of
 * `riastore site add` and `riastore procedure`, and the table in docs/site-setup.md, are made of
 * this one.
 */
export const SITE_OPTIONS = {
  store: {
    help: 'URL of the store: ria+file://, ria+ssh://, ria+sftp://, ria+davs://, ria+s3+https:// or ria+s3+http://',
    byDefault: 'none: it has to be set',
    check: storeUrl,
    fromDataset: false,
  },
  pushUrl: {
    help: 'URL of the same store to write through, if another',
    byDefault: 'the store',
    check: storeUrl,
    fromDataset: false,
  },
  siblingName: {
    help: 'name of the sibling for git in the store',
    byDefault: 'the name of the site',
    check: remoteName,
    fromDataset: false,
  },
  storageName: {
    help: 'name of the sibling for file content, the storage sibling',
    byDefault: 'the siblingName with -storage',
    check: remoteName,
    fromDataset: false,
  },
  alias: {
    help: 'alias of a dataset in the store. {name} is the path from the outermost superdataset, with - for /; {directory} the name of the directory; {id} the id',
    byDefault: 'no alias',
    check: template,
    fromDataset: false,
  },
  shared: {
    help: 'who may use the repository in the store, as git init --shared has it: false, true, umask, group, all, world, everybody or a number like 0660',
    byDefault: 'what git does',
    check: shared,
    fromDataset: false,
  },
  group: {
    help: 'group that the files in the store get',
    byDefault: 'what the file system does',
    check: groupName,
    fromDataset: false,
  },
  trust: {
    help: 'how far git-annex trusts the storage sibling: trust, semitrust or untrust',
    byDefault: 'semitrust',
    check: oneOf(['trust', 'semitrust', 'untrust']),
    fromDataset: false,
  },
  gitlab: {
    help: 'URL of the GitLab that each dataset gets a project in',
    byDefault: 'no GitLab',
    check: gitlabUrl,
    fromDataset: false,
  },
  gitlabGroup: {
    help: 'path of the group for the projects, like lab/data',
    byDefault: 'none: it has to be set where there is a gitlab',
    check: groupPath,
    fromDataset: false,
  },
  gitlabSiblingName: {
    help: 'name of the sibling in GitLab',
    byDefault: 'gitlab',
    check: remoteName,
    fromDataset: false,
  },
  gitlabAccess: {
    help: 'how git talks to GitLab: ssh, https, or ssh+https (fetch by https, push by ssh)',
    byDefault: 'https',
    check: oneOf(['ssh', 'https', 'ssh+https']),
    fromDataset: false,
  },
  gitlabVisibility: {
    help: 'who sees a new project: private, internal or public',
    byDefault: 'private',
    check: oneOf(['private', 'internal', 'public']),
    fromDataset: false,
  },
  projectName: {
    help: 'name of a new project in the group, with the same placeholders as alias',
    byDefault: '{name}',
    check: template,
    fromDataset: false,
  },
  project: {
    help: 'path of the project of one dataset, like lab/data/mydata. It is noted in the dataset when the project is made, and found again by it',
    byDefault: 'the gitlabGroup with the projectName',
    check: groupPath,
    fromDataset: true,
  },
} as const satisfies Readonly<Record<string, SiteOption>>

export type SiteOptionName = keyof typeof SITE_OPTIONS

export const SITE_OPTION_NAMES = Object.keys(SITE_OPTIONS) as SiteOptionName[]

/** What was set, by name; nothing for what was not. */
export type SiteValues = Readonly<Partial<Record<SiteOptionName, string>>>

/** As git prints the name of a setting: without capitals. */
export function siteOptionOf(key: string): SiteOptionName | undefined {
  return SITE_OPTION_NAMES.find((name) => name.toLowerCase() === key.toLowerCase())
}

/** Throws ConfigError, in which `where` is what the user calls the option. */
export function checkSiteValue(name: SiteOptionName, value: string, where: string): void {
  try {
    if (/\p{Cc}/u.test(value)) throw new ConfigError('has control characters in it')
    SITE_OPTIONS[name].check(value)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`${where} ${error.message}`)
  }
}

/**
 * DataLad looks a procedure up by its file's name up to the first dot; the name stands in a path
 * and in a configuration key, too.
 */
export function checkSiteName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new ConfigError(`${JSON.stringify(name)} is no name for a site: letters, digits, - and _ only`)
  }
}

function storeUrl(value: string): void {
  if (!factsOf(parseStoreUrl(value)).writable) {
    throw new ConfigError(`is ${withoutPassword(value)}, which can only be read: give the URL that it is written by`)
  }
}

function gitlabUrl(value: string): void {
  try {
    parseGitLabUrl(value)
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`cannot be used: ${error.message}`) : error
  }
}

/** GitLab's own rule for paths, which git's remotes and shells like too. */
function groupPath(value: string): void {
  if (value.split('/').every((part) => /^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$/.test(part))) return
  throw new ConfigError(
    `is ${JSON.stringify(value)}: a path like lab/data, of letters, digits, and single - _ . between them?`,
  )
}

function remoteName(value: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(value) && !/\.\.|\.lock$|\.$/.test(value)) return
  throw new ConfigError(`is ${JSON.stringify(value)}: letters, digits, - _ and . only`)
}

function groupName(value: string): void {
  if (/^[^\s:/-][^\s:/]*$/.test(value)) return
  throw new ConfigError(`is ${JSON.stringify(value)}, which is no name of a group`)
}

function shared(value: string): void {
  if (/^(false|true|umask|group|all|world|everybody|0[67][0-7]{2})$/i.test(value)) return
  throw new ConfigError(
    `is ${JSON.stringify(value)}: known are false, true, umask, group, all, world, everybody and numbers like 0660`,
  )
}

const PLACEHOLDERS = ['name', 'directory', 'id']

function template(value: string): void {
  const [unknown] = [...value.matchAll(/\{([^}]*)\}?/g)].filter(([all, name = '']) => {
    return !all.endsWith('}') || !PLACEHOLDERS.includes(name)
  })
  if (unknown !== undefined) {
    throw new ConfigError(`has ${unknown[0]} in it, known are ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`)
  }
  const rest = value.replace(/\{[^}]*\}/g, 'x')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(rest)) {
    throw new ConfigError(`is ${JSON.stringify(value)}: letters, digits, - _ . and placeholders only`)
  }
}

function oneOf(known: readonly string[]): (value: string) => void {
  return (value) => {
    if (known.includes(value)) return
    throw new ConfigError(`is ${JSON.stringify(value)}, known are ${known.join(', ')}`)
  }
}
