import type { GitConfig } from '../git-config.ts'
import { agreedSettings } from './annex-logs.ts'

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

/** Whether git-annex asks for what `idToAgreeTo` looks for. */
export function asksToAgree(shown: string): boolean {
  return shown.includes(' --safe ')
}

/**
 * What may be done with a special remote: all; it may be got from, and as long as it is there
 * nothing may be sent to any remote; or nothing.
 */
export type Agreement = 'agreed' | 'only got from' | 'not used'

/** What the user of a clone agreed to. */
export class Agreements {
  readonly #git: GitConfig
  readonly #uuids: ReadonlySet<string>

  /** `uuids`: of those whose settings git-annex keeps, since somebody agreed to them. */
  constructor(git: GitConfig, uuids: Iterable<string>) {
    this.#git = git
    this.#uuids = new Set(uuids)
  }

  /** Reads them. `gitDir` is absolute, and common to all work trees. */
  static async read(gitDir: string, git: GitConfig): Promise<Agreements> {
    return new Agreements(git, (await agreedSettings(gitDir)).keys())
  }

  /**
   * A setting that git-annex does not know means `automatic` to it. It asks no more about a remote
   * whose settings were agreed to once, whatever is set: one that was removed and enabled again.
   */
  of(name: string): Agreement {
    const local = (setting: string) => this.#git.get(`remote.${name}.${setting}`)
    const state = local(VERIFIED_SETTING) ?? 'verified'
    if (state === 'verified') return 'agreed'
    if (this.#uuids.has(local('annex-config-uuid') ?? local('annex-uuid') ?? '')) return 'agreed'
    return state === 'manual' ? 'not used' : 'only got from'
  }

  /**
   * The first remote over which nothing may be sent to any: what came from it could be somebody's
   * secret that another remote is after.
   */
  keepFromSending(): string | undefined {
    const suffix = `.${VERIFIED_SETTING}`
    for (const key of this.#git.keys()) {
      if (!key.startsWith('remote.') || !key.endsWith(suffix)) continue
      const name = key.slice('remote.'.length, -suffix.length)
      if (this.of(name) === 'only got from') return name
    }
    return undefined
  }
}

/** Why a remote is not used, or nothing is sent, and what to do about it. */
export function notVerified(name: string): string {
  return `${name} is not verified: git annex verifyremote ${name}`
}
