import type { GitConfig } from '../../core/git-config.ts'
import { datasetDirectory } from '../../ria/layout/paths.ts'
import type { Sibling } from '../../ria/settings/siblings.ts'
import { remotesOf } from './judge-settings.ts'

/**
 * The git remotes by which a clone reaches the repository that lies in the store beside a storage
 * sibling's keys: by the end of their URLs, which is the dataset's place in the store, or by name,
 * for one may have been cloned by an alias.
 */
export function gitRemotesOf(git: GitConfig, { name, committed }: Pick<Sibling, 'name' | 'committed'>): string[] {
  const id = committed['archive-id']
  const [, ofName] = /^(.+)-storage$/s.exec(name) ?? []
  return remotesOf(git).filter((remote) => {
    if (git.get(`remote.${remote}.annex-externaltype`) !== undefined) return false
    const urls = [...git.all(`remote.${remote}.url`), ...git.all(`remote.${remote}.pushurl`)]
    if (urls.length === 0) return false
    if (remote === ofName) return true
    return id !== undefined && isPlausible(id) && urls.some((url) => url.endsWith(`/${datasetDirectory(id)}`))
  })
}

function isPlausible(id: string): boolean {
  return /^[\w-]{4,}$/.test(id)
}
