import { mkdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runOk } from '../programs/run.ts'
import { type AnnexRepo, datasetId, makeDataset } from '../repos/annex-repo.ts'
import { listTree } from '../repos/ria-store.ts'
import type { SiteScene } from './site-scene.ts'

/** A dataset on the scene's machine. */
export async function quickDataset(scene: SiteScene, name: string): Promise<{ repo: AnnexRepo; id: string }> {
  const repo = await makeDataset(scene.workspace, name, { env: scene.env })
  return { repo, id: await datasetId(repo) }
}

/**
 * All that a site gave to a dataset: here, in a store on disk, and in GitLab. What differs between
 * datasets has a common name.
 */
export async function stateOf(scene: SiteScene, store: string, { repo, id }: { repo: AnnexRepo; id: string }) {
  const uuid = (await repo.config('remote.lab-storage.annex-uuid')) ?? 'none'
  const plain = (text: string) =>
    text
      .replaceAll(`${id.slice(0, 3)}/${id.slice(3)}`, 'ID')
      .replaceAll(id, 'ID')
      .replaceAll(uuid, 'UUID')
      .replaceAll(new RegExp(`(?<=[/-])${basename(repo.path)}(?=[.\\n]|$)`, 'gm'), 'NAME')
  const directory = join(store, id.slice(0, 3), id.slice(3))
  const log = async (name: string) => (await repo.try('git', 'show', `git-annex:${name}`)).stdout
  const remotes = (await repo.try('git', 'config', '--local', '--get-regexp', '^remote\\.')).stdout
  const recorded = newest(await log('remote.log'))
  const trust = newest(await log('trust.log'))
  const aliases = await listTree(join(store, 'alias'))
  const stored = await listTree(directory)
  return {
    remotes: plain(remotes).split('\n').sort(),
    config: plain(await readFile(join(repo.path, '.datalad/config'), 'utf8')),
    status: (await repo.git('status', '--porcelain')).stdout,
    commits: (await repo.git('log', '--format=%s')).stdout,
    special: [...recorded]
      .filter(([each]) => !trust.get(each)?.startsWith('X'))
      .map(([each, text]) => plain(`${each} ${text}`)),
    stored: stored.map(({ path, kind }) => `${kind} ${path}`).filter((entry) => !/ (hooks|objects)\//.test(entry)),
    storedConfig: plain(stored.length === 0 ? '' : await readFile(join(directory, 'config'), 'utf8')),
    aliases: aliases.filter(({ target }) => target?.endsWith(id.slice(3))).map(({ path }) => plain(`/${path}`)),
    projects: scene.gitlab.state.projects.filter(({ description }) => description?.includes(id)).length,
  }
}

/** `<uuid> <text> timestamp=…`: the newest text of each. */
function newest(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, { text: string; at: number }>()
  for (const line of text.split('\n')) {
    const [, uuid = '', rest = '', at] = /^(\S+) (.*?) ?timestamp=([0-9.]+)/.exec(line) ?? []
    if (uuid !== '' && Number(at) >= (found.get(uuid)?.at ?? 0)) found.set(uuid, { text: rest, at: Number(at) })
  }
  return new Map([...found].map(([uuid, { text }]) => [uuid, text]))
}

/** An empty bare repository in a store, of somebody who used the id before. */
export async function occupy(store: string, id: string): Promise<string> {
  const directory = join(store, id.slice(0, 3), id.slice(3))
  await mkdir(directory, { recursive: true })
  await runOk('git', ['init', '-q', '--bare', directory])
  return directory
}
