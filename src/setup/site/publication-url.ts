import { rewriteUrl } from '../../core/git-config.ts'
import type { Dataset } from '../dataset.ts'
import type { Site } from './config.ts'

/**
 * Has git-annex record the URL of the store as the site has it. Where git rewrites that URL
 * (`url.<base>.insteadOf`), as inside of a cluster, the special remote would record, for everybody,
 * what it was rewritten to. A setting of the clone that leads to the same place, for these calls
 * only, keeps it from that.
 */
export async function recordingUrlAsGiven(dataset: Dataset, { store, pushUrl, storageName }: Site): Promise<Dataset> {
  const config = await dataset.config()
  const urls = [
    ['ora-url', store],
    ['ora-push-url', pushUrl],
  ] as const
  const settings = urls.flatMap(([setting, url]) => {
    const rewritten = url === undefined ? undefined : rewriteUrl(config, url)
    return rewritten === undefined || rewritten === url
      ? []
      : [[`remote.${storageName}.${setting}`, rewritten] as const]
  })
  return settings.length === 0 ? dataset : withAnnexEnvironment(dataset, gitSettings(settings, process.env))
}

/**
 * From now on git-annex runs with more in its environment: in this dataset, and in every copy that
 * is made of it.
 */
function withAnnexEnvironment(dataset: Dataset, env: Readonly<Record<string, string>>): Dataset {
  const { annex, with: copy } = dataset
  dataset.annex = (args, options = {}) => annex.call(dataset, args, { ...options, env: { ...options.env, ...env } })
  dataset.with = (call) => withAnnexEnvironment(copy.call(dataset, call), env)
  return dataset
}

/**
 * Settings for git in the environment, after those that are there (git-config(1),
 * GIT_CONFIG_COUNT).
 */
function gitSettings(
  settings: readonly (readonly [key: string, value: string])[],
  { GIT_CONFIG_COUNT }: NodeJS.ProcessEnv,
): Record<string, string> {
  const first = Number(GIT_CONFIG_COUNT ?? 0) || 0
  const entries = settings.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${first + i}`, key],
    [`GIT_CONFIG_VALUE_${first + i}`, value],
  ])
  return { ...Object.fromEntries(entries), GIT_CONFIG_COUNT: String(first + settings.length) }
}
