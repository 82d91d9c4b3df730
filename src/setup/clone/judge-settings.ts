import type { Outcome } from '../../core/finding.ts'
import { type GitConfig, toBoolean } from '../../core/git-config.ts'
import { type Agreement, VERIFIED_SETTING } from '../../core/records/agree-to-remote.ts'
import { shellWord } from './shell-word.ts'

/**
 * Whether the storage siblings that a dataset has are enabled in a clone, in two findings at most:
 * of all, and of those that are not. `enabled`, `notEnabled`: their names.
 */
export function judgeEnabled(enabled: readonly string[], notEnabled: readonly string[]): Outcome {
  const [first] = notEnabled
  if (first !== undefined) {
    const which = `${notEnabled.join(', ')} ${notEnabled.length === 1 ? 'is' : 'are'} not enabled in this clone`
    const why = enabled.length === 0 ? `${which}: no content can be got from, or put into, the store` : which
    return [enabled.length === 0 ? 'failed' : 'warning', why, `git annex enableremote ${shellWord(first)}`]
  }
  if (enabled.length > 0) return ['ok', enabled.join(', ')]
  const none = 'the dataset has none in a RIA store, as far as this clone knows'
  return ['failed', none, 'git fetch --all && git annex merge, or riastore create-sibling -s NAME STORE']
}

/** git-annex, and with it DataLad, does not use a remote that is ignored. */
export function judgeIgnored(git: GitConfig, name: string): Outcome {
  const setting = `remote.${name}.annex-ignore`
  if (toBoolean(git.get(setting) ?? 'false') === false) return ['ok', 'git-annex uses it']
  return ['failed', `${setting} is set, so git-annex does not use it`, `git config ${shellWord(setting)} false`]
}

/**
 * A newer git-annex wants its user to look at a special remote that came with a clone: until then
 * it refuses pushes, and one that was enabled by hand it does not use at all. `isChanged`: the
 * dataset has other settings of it than those that were looked at.
 */
export function judgeVerified(
  git: GitConfig,
  { name, agreement }: { readonly name: string; readonly agreement: Agreement },
  isChanged: boolean,
): Outcome {
  const mend = `git annex verifyremote ${shellWord(name)}`
  if (agreement === 'not used') return ['failed', 'nobody has confirmed it, so git-annex does not use it', mend]
  if (agreement === 'only got from') {
    return [
      'warning',
      'nobody has confirmed it, so git-annex refuses to send content, and to push, to any remote',
      mend,
    ]
  }
  if (isChanged) {
    return ['warning', 'the dataset has newer settings of it, which nobody has confirmed: git-annex uses the old', mend]
  }
  const isAsked = git.get(`remote.${name}.${VERIFIED_SETTING}`) !== undefined
  return ['ok', isAsked ? 'confirmed' : 'git-annex asks for no confirmation']
}

/**
 * `datalad push --to <git remote>` brings content along only when that remote depends on the
 * storage sibling. `gitRemotes`: those that lead to the same dataset in the store.
 */
export function judgePublication(git: GitConfig, name: string, gitRemotes: readonly string[]): Outcome {
  const [first] = gitRemotes
  if (first === undefined) return ['skipped', 'no git remote here leads to the same dataset in the store']
  const lacking = gitRemotes.find((remote) => !dependsOf(git, remote).includes(name))
  if (lacking !== undefined) {
    const setting = `remote.${lacking}.datalad-publish-depends`
    const why = `${setting} does not name it: datalad push --to ${lacking} brings no content along`
    return ['warning', why, `git config --add ${shellWord(setting)} ${shellWord(name)}`]
  }
  return ['ok', `datalad push --to ${gitRemotes.join(', or ')} serves it first`]
}

/**
 * Publication dependencies on remotes that are not there: datalad push fails over them. What is
 * `notEnabled` will be there.
 */
export function judgeDependencies(
  git: GitConfig,
  notEnabled: readonly string[],
): readonly { readonly remote: string; readonly outcome: Outcome }[] {
  const remotes = remotesOf(git)
  return remotes.flatMap((remote) =>
    dependsOf(git, remote)
      .filter((needed) => !remotes.includes(needed) && !notEnabled.includes(needed))
      .map((needed) => {
        const setting = `remote.${remote}.datalad-publish-depends`
        const why = `it depends on ${needed}, which is no remote here: datalad push --to ${remote} fails`
        const mend = `git config --fixed-value --unset ${shellWord(setting)} ${shellWord(needed)}`
        return { remote, outcome: ['failed', why, mend] as const }
      }),
  )
}

/** Names of git's remotes, special remotes among them. */
export function remotesOf(git: GitConfig): readonly string[] {
  const names = [...git.keys()].flatMap((key) => {
    const [, name] = /^remote\.(.+)\.(?:url|pushurl|annex-uuid)$/s.exec(key) ?? []
    return name === undefined ? [] : [name]
  })
  return [...new Set(names)]
}

function dependsOf(git: GitConfig, remote: string): readonly string[] {
  return git.all(`remote.${remote}.datalad-publish-depends`)
}
