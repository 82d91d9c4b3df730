import { GitConfig } from '../core/git-config.ts'
import { STALL_TIMEOUT, stallMs } from '../core/stall-timeout.ts'

/**
 * Makes the option git configuration of this process and of all that it starts, as `git -c` does:
 * the programs of git and git-annex that a command runs talk to the store, too. Returns what takes
 * it back. Throws ConfigError.
 */
export function applyStallOption(value: string | undefined): () => void {
  if (value === undefined) return () => {}
  stallMs('--stall-timeout', value)
  const count = Number(process.env.GIT_CONFIG_COUNT ?? 0)
  const added = {
    GIT_CONFIG_COUNT: `${count + 1}`,
    [`GIT_CONFIG_KEY_${count}`]: STALL_TIMEOUT,
    [`GIT_CONFIG_VALUE_${count}`]: value,
  }
  const before = Object.keys(added).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, added)
  return () => {
    for (const [name, old] of before) {
      if (old === undefined) delete process.env[name]
      else process.env[name] = old
    }
  }
}

/**
 * What the environment says of git's configuration, for where there is no git to ask (git,
 * GIT_CONFIG_COUNT).
 */
export function gitConfigOfEnvironment(): GitConfig {
  const { env } = process
  const entries = Array.from({ length: Number(env.GIT_CONFIG_COUNT ?? 0) || 0 }, (_, i) => {
    return [env[`GIT_CONFIG_KEY_${i}`] ?? '', env[`GIT_CONFIG_VALUE_${i}`] ?? ''] as const
  })
  return new GitConfig(entries)
}
