import type { GitConfig } from '../../core/git-config.ts'

/**
 * Whether a key of git's configuration has a URL that no dataset can have brought along: of sites,
 * of stores that have a name, and of a clone's own address of a store.
 */
export function isUsersUrl(key: string): boolean {
  return (
    /^remote\..*\.(ora-url|ora-push-url)$/s.test(key) ||
    /^riastore\..*\.(store|pushurl)$/s.test(key) ||
    /^riastore\.store\.[^.]*\.(url|push-url)$/.test(key)
  )
}

/** Whether a key has the URL of a git remote. */
export function isRemoteUrl(key: string): boolean {
  return /^remote\..*\.(url|pushurl|annexurl)$/s.test(key)
}

/** The URLs at some keys, and all that insteadOf makes of others. */
export function urlsInConfig(git: GitConfig, isUrl: (key: string) => boolean): readonly string[] {
  return [...git.keys()].flatMap((key) => {
    const [, base] = /^url\.(.*)\.insteadof$/s.exec(key) ?? []
    return base !== undefined ? [base] : isUrl(key) ? git.all(key) : []
  })
}
