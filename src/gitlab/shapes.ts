/**
 * What we read of GitLab's answers, checked where they come in. Sources: the API pages named at
 * each call in calls.ts.
 */

export type Visibility = 'private' | 'internal' | 'public'

export const VISIBILITIES: readonly Visibility[] = ['private', 'internal', 'public']

export interface User {
  readonly id: number
  readonly username: string
}

export interface AccessToken {
  readonly name: string
  readonly scopes: readonly string[]
  /** The day at whose beginning (UTC) it ends, `2026-12-31`; undefined: never. */
  readonly expiresAt: string | undefined
}

export interface Namespace {
  readonly id: number
  readonly kind: 'group' | 'user'
  readonly fullPath: string
}

export interface Group {
  readonly id: number
  readonly fullPath: string
  readonly visibility: Visibility
  /** The day it was marked for deletion. */
  readonly markedForDeletion: string | undefined
}

export interface Project {
  readonly id: number
  readonly fullPath: string
  readonly description: string
  readonly topics: readonly string[]
  readonly visibility: Visibility | undefined
  /** Undefined while its repository is empty. */
  readonly defaultBranch: string | undefined
  readonly isEmpty: boolean
  readonly isArchived: boolean
  readonly markedForDeletion: string | undefined
  readonly httpUrl: string
  readonly sshUrl: string
  readonly webUrl: string
}

/** A function that reads one shape. Throws ShapeError. */
export type Reader<T> = (value: unknown) => T

/** An answer does not have the shape that GitLab gives it. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

type Fields = Readonly<Record<string, unknown>>

export const readUser: Reader<User> = (value) => {
  const fields = object(value)
  return { id: number(fields, 'id'), username: string(fields, 'username') }
}

export const readAccessToken: Reader<AccessToken> = (value) => {
  const fields = object(value)
  return { name: string(fields, 'name'), scopes: strings(fields, 'scopes'), expiresAt: maybe(fields, 'expires_at') }
}

export const readNamespace: Reader<Namespace> = (value) => {
  const fields = object(value)
  const kind = string(fields, 'kind')
  if (kind !== 'group' && kind !== 'user') throw new ShapeError('kind is neither group nor user')
  return { id: number(fields, 'id'), kind, fullPath: string(fields, 'full_path') }
}

export const readGroup: Reader<Group> = (value) => {
  const fields = object(value)
  return {
    id: number(fields, 'id'),
    fullPath: string(fields, 'full_path'),
    visibility: visibility(string(fields, 'visibility')),
    markedForDeletion: maybe(fields, 'marked_for_deletion_on'),
  }
}

export const readProject: Reader<Project> = (value) => {
  const fields = object(value)
  const seen = maybe(fields, 'visibility')
  const defaultBranch = maybe(fields, 'default_branch')
  return {
    id: number(fields, 'id'),
    fullPath: string(fields, 'path_with_namespace'),
    description: maybe(fields, 'description') ?? '',
    topics: Array.isArray(fields.topics) ? strings(fields, 'topics') : [],
    visibility: seen === undefined ? undefined : visibility(seen),
    defaultBranch,
    // Left out for those who may not look into the repository: they must not take it for an empty
    // one.
    isEmpty: fields.empty_repo === true,
    isArchived: fields.archived === true,
    markedForDeletion: maybe(fields, 'marked_for_deletion_on'),
    httpUrl: string(fields, 'http_url_to_repo'),
    sshUrl: string(fields, 'ssh_url_to_repo'),
    webUrl: string(fields, 'web_url'),
  }
}

function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError('it is no object')
  return value as Fields
}

function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new ShapeError(`${name} is no number`)
  return value
}

function string(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new ShapeError(`${name} is no text`)
  return value
}

function maybe(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined || fields[name] === null ? undefined : string(fields, name)
}

function strings(fields: Fields, name: string): readonly string[] {
  const value = fields[name]
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
    throw new ShapeError(`${name} is no list of texts`)
  }
  return value
}

function visibility(value: string): Visibility {
  const found = VISIBILITIES.find((each) => each === value)
  if (found === undefined) throw new ShapeError('visibility is none that is known')
  return found
}
