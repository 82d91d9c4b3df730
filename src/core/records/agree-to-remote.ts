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
