import type { GitConfig } from '../../core/git-config.ts'
import { decode } from '../../core/text.ts'
import type { Revision, RevisionEntry } from '../../git/revision.ts'

/** None of the files that a name is taken from is longer. Bytes. */
const MAX_BYTES = 256 * 1024

/** A name is one line, and no longer than this. Characters. */
const MAX_CHARACTERS = 200

/** What git and we write where nobody gave a description. */
const NO_DESCRIPTION = /^(Unnamed repository;|Pushed to by riastore)/

const README = /^readme(\.(md|markdown|txt|rst|org|adoc))?$/i

export interface NameSources {
  /** Of the branch that HEAD points to. */
  readonly revision: Revision | undefined
  /** .datalad/config of that. */
  readonly config: GitConfig | undefined
  /** The bare repository's `description`. */
  readonly description: string | undefined
}

/**
 * What people call a dataset, from the first of these that there is: `Name` in
 * dataset_description.json (BIDS), the bare repository's description, the path of its project in
 * GitLab, the title of its README.
 */
export async function nameOf({ revision, config, description }: NameSources): Promise<string | undefined> {
  const bids = revision && (await bidsName(revision))
  if (bids !== undefined) return bids
  if (description !== undefined && !NO_DESCRIPTION.test(description)) {
    const line = firstLine(description)
    if (line !== undefined) return line
  }
  return projectName(config) ?? (revision && (await readmeTitle(revision)))
}

async function bidsName(revision: Revision): Promise<string | undefined> {
  const text = await readText(revision, await revision.find('dataset_description.json'))
  if (text === undefined) return undefined
  try {
    const { Name } = JSON.parse(text)
    return typeof Name === 'string' ? firstLine(Name) : undefined
  } catch {
    return undefined // it is none of BIDS
  }
}

function projectName(config: GitConfig | undefined): string | undefined {
  for (const key of config?.keys() ?? []) {
    if (/^riastore\..+\.project$/s.test(key)) return firstLine(config?.get(key) ?? '')
  }
  return undefined
}

async function readmeTitle(revision: Revision): Promise<string | undefined> {
  const top = await revision.find('')
  if (top === undefined) return undefined
  for await (const entry of revision.list(top, false)) {
    if (!README.test(entry.name)) continue
    const text = await readText(revision, entry)
    if (text !== undefined) return firstLine(text.replace(/^[#=\s]+/, ''))
  }
  return undefined
}

/** Undefined for what is no file of git's, or too long: an annexed one has no text here. */
async function readText(revision: Revision, entry: RevisionEntry | undefined): Promise<string | undefined> {
  if (entry?.kind !== 'file' && entry?.kind !== 'executable') return undefined
  if ((await revision.sizeOf(entry)) > MAX_BYTES) return undefined
  const text = decode(await revision.read(entry))
  return text.startsWith('/annex/objects/') ? undefined : text
}

function firstLine(text: string): string | undefined {
  const [line = ''] = text.trim().split(/\r?\n/)
  return line.trim().slice(0, MAX_CHARACTERS) || undefined
}
