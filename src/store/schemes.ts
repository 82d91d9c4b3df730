import type { StoreLocation } from './location.ts'

/** As it stands in a store's URL, behind `ria+`. */
export type Scheme = StoreLocation['scheme']

/** What a scheme can do, known from the URL alone, before anything is opened. */
export interface SchemeFacts {
  /** For messages: what means nothing in it. */
  readonly place: string
  /** Stores can be written by it. */
  readonly writable: boolean
  /**
   * On a file system of this machine: git-annex is told that it costs little, and is there only
   * here.
   */
  readonly local: boolean
  /** Directories are things of their own, apart from the files in them. */
  readonly directories: boolean
  /** git reaches a repository there by itself, or by our `git-remote-<scheme>`. */
  readonly gitBy: 'git' | 'helper'
  /** Bare repositories are made there by programs (git, chmod, chgrp), or file by file. */
  readonly repositoryBy: 'shell' | 'files'
  /**
   * What can be said of who may read and write: groups by name and modes, modes alone, or neither.
   */
  readonly permissions: 'groups' | 'modes' | 'none'
  /** It takes AWS's credentials, which git-annex can keep for a remote. */
  readonly awsCredentials: boolean
  /** DataLad's own special remote can use it: without ours nothing but speed is lost. */
  readonly stockRemote: boolean
}

const S3: SchemeFacts = {
  place: 'S3',
  writable: true,
  local: false,
  directories: false,
  gitBy: 'helper',
  repositoryBy: 'files',
  permissions: 'none',
  awsCredentials: true,
  stockRemote: false,
}

const HTTP: SchemeFacts = {
  place: 'the web',
  writable: false,
  local: false,
  directories: true,
  gitBy: 'git',
  repositoryBy: 'files',
  permissions: 'none',
  awsCredentials: false,
  stockRemote: true,
}

const DAV: SchemeFacts = {
  place: 'WebDAV',
  writable: true,
  local: false,
  directories: true,
  gitBy: 'helper',
  repositoryBy: 'files',
  permissions: 'none',
  awsCredentials: false,
  stockRemote: false,
}

/**
 * The one place that knows what schemes there are: a new one does not compile until all is said.
 */
export const SCHEMES: Readonly<Record<Scheme, SchemeFacts>> = {
  file: {
    place: 'a disk',
    writable: true,
    local: true,
    directories: true,
    gitBy: 'git',
    repositoryBy: 'shell',
    permissions: 'groups',
    awsCredentials: false,
    stockRemote: true,
  },
  ssh: {
    place: 'SSH',
    writable: true,
    local: false,
    directories: true,
    gitBy: 'git',
    repositoryBy: 'shell',
    permissions: 'groups',
    awsCredentials: false,
    stockRemote: true,
  },
  sftp: {
    place: 'SFTP',
    writable: true,
    local: false,
    directories: true,
    gitBy: 'helper',
    repositoryBy: 'files',
    permissions: 'modes',
    awsCredentials: false,
    stockRemote: false,
  },
  http: HTTP,
  https: HTTP,
  dav: DAV,
  davs: DAV,
  's3+http': S3,
  's3+https': S3,
}

/** What can be said of a store, by where it is. */
export function factsOf({ scheme }: StoreLocation): SchemeFacts {
  return SCHEMES[scheme]
}

/**
 * git's own name for a program that it starts for URLs of a scheme; undefined where it needs none.
 */
export function gitHelperOf(scheme: Scheme): string | undefined {
  return SCHEMES[scheme].gitBy === 'helper' ? `git-remote-${scheme}` : undefined
}
