import type { GitConfig } from '../git-config.ts'

/**
 * git-annex (since 10.20261026) uses a special remote that its user did not make only after they
 * looked at it (https://git-annex.branchable.com/git-annex-verifyremote/). Where they have just
 * named the very place on our command line, that is what they agree to.
 */

/** Of whoever enabled a remote by hand, or had it enabled by `git annex init`. */
export const VERIFIED_SETTING = 'annex-verified'

/**
 * The ID of the configuration that git-annex showed, to be given to `git annex verifyremote NAME
 * --safe ID`; undefined when it asks nothing. Undefined too when content would go elsewhere than
 * the user said: to a `push-url` that is none of `named`.
 */
export function idToAgreeTo(shown: string, named: readonly string[]): string | undefined {
  const [, id] =
    /^If so, run:\s+git-annex verifyremote .* --safe (\S+)\s*$/m.exec(shown.replaceAll(/^[ \t]+/gm, '')) ?? []
  const elsewhere = [...shown.matchAll(/(?:^|\s)push-url=(\S+)/g)].some(([, url = '']) => !named.includes(url))
  return elsewhere ? undefined : id
}

/**
 * What may be done with a special remote: all; it may be got from, and as long as it is there
 * nothing may be sent to any remote; or nothing. git-annex, too, takes a state that it does not
 * know for the second.
 */
export type Agreement = 'agreed' | 'only got from' | 'not used'

export function agreementTo(git: GitConfig, name: string): Agreement {
  const state = git.get(`remote.${name}.${VERIFIED_SETTING}`) ?? 'verified'
  return state === 'verified' ? 'agreed' : state === 'manual' ? 'not used' : 'only got from'
}

/**
 * The first remote over which nothing may be sent to any: what came from it could be somebody's
 * secret that another remote is after.
 */
export function keepsFromSending(git: GitConfig): string | undefined {
  const suffix = `.${VERIFIED_SETTING}`
  for (const key of git.keys()) {
    if (!key.startsWith('remote.') || !key.endsWith(suffix)) continue
    const name = key.slice('remote.'.length, -suffix.length)
    if (agreementTo(git, name) === 'only got from') return name
  }
  return undefined
}

/** Why a remote is not used, or nothing is sent, and what to do about it. */
export function notVerified(name: string): string {
  return `${name} is not verified: git annex verifyremote ${name}`
}
