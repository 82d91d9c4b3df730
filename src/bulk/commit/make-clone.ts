import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { userName } from '../../core/process/owner.ts'
import { idToAgreeTo, VERIFIED_SETTING } from '../../core/records/agree-to-remote.ts'
import { parseRemoteLog } from '../../core/records/annex-logs.ts'
import { EXTERNAL_TYPES } from '../../ria/settings/siblings.ts'
import { CloneGit } from './clone-git.ts'

export interface CloneWish {
  /** Where it is to be: nothing, or an empty directory, is there. */
  readonly directory: string
  /** Where git finds the dataset. */
  readonly gitUrl: string
  /** Of the store, `ria+…`. */
  readonly url: string
  readonly datasetId: string
  /** Default: the one that HEAD of the dataset names. */
  readonly branch: string | undefined
  /** Servers that credentials may be sent to, as settings of a remote. */
  readonly endpoints: readonly (readonly [setting: string, value: string])[]
}

/**
 * Makes a clone of a dataset, without content, with its storage sibling enabled by the URL that was
 * given. It has its name when it is whole. Throws ConfigError, and StoreError with what git says.
 */
export async function makeClone(wish: CloneWish, signal: AbortSignal | undefined): Promise<void> {
  const { directory, gitUrl, branch } = wish
  const part = `${directory}.part-${randomBytes(6).toString('hex')}`
  try {
    const named = branch === undefined ? [] : [`--branch=${branch}`]
    const args = ['clone', '--quiet', '--config', 'remote.origin.annex-ignore=true', ...named, '--', gitUrl, part]
    await new CloneGit(dirname(directory), signal).run(args)
    await enable(new CloneGit(part, signal), wish)
    await rename(part, directory)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
}

async function enable(git: CloneGit, { directory, url, datasetId, endpoints }: CloneWish): Promise<void> {
  const log = await git.run(['cat-file', 'blob', 'refs/remotes/origin/git-annex:remote.log'], [0, 128])
  const found = [...parseRemoteLog(log.text)].filter(
    ([, settings]) =>
      settings.get('archive-id') === datasetId && EXTERNAL_TYPES.includes(settings.get('externaltype') ?? ''),
  )
  const same = found.filter(([, settings]) => settings.get('url') === url)
  const [sibling, ...others] = same.length > 0 ? same : found
  const name = sibling?.[1].get('name') ?? sibling?.[1].get('sameas-name')
  if (sibling === undefined || name === undefined) {
    throw new ConfigError(`dataset ${datasetId} records no storage sibling, so nothing could be put into its store`)
  }
  if (others.length > 0) {
    throw new ConfigError(
      `dataset ${datasetId} records several storage siblings: clone it, and enable the one that is meant`,
    )
  }
  if (sibling[1].get('url') !== url) await git.run(['config', `remote.${name}.ora-url`, url])
  for (const [setting, value] of endpoints) await git.run(['config', '--add', `remote.${name}.${setting}`, value])
  const description = `${userName() ?? process.getuid?.()}@${hostname()}:${directory}`
  // Others that the dataset would have enabled are not what the user named: a git-annex since
  // 10.20261026 pushes nothing while there is one that nobody has agreed to.
  await git.run(['annex', 'init', '--quiet', '--no-autoenable', description])
  await git.run(['annex', 'enableremote', '--quiet', name])
  await agree(git, name, url)
  await git.run(['config', 'remote.origin.datalad-publish-depends', name])
}

/** The user named the store, and nobody else is asked who could look at it. */
async function agree(git: CloneGit, name: string, url: string): Promise<void> {
  const state = (await git.run(['config', `remote.${name}.${VERIFIED_SETTING}`], [0, 1])).text.trim()
  if (state === '' || state === 'verified') return
  const id = idToAgreeTo((await git.run(['annex', 'verifyremote', name])).text, [url])
  if (id !== undefined) await git.run(['annex', 'verifyremote', '--quiet', name, '--safe', id])
}
