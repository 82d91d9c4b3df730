import { type RunOptions, run, runOk } from '../programs/run.ts'

/**
 * Agrees to all special remotes that were enabled in a clone, as its user has to do before
 * git-annex (since 10.20261026) uses them, sends something, or lets git push. An older one asks
 * nothing.
 */
export async function agreeToRemotes(path: string, options: RunOptions): Promise<void> {
  const there = { ...options, cwd: path }
  const { stdout } = await run('git', ['config', '--get-regexp', '^remote\\..*\\.annex-verified$'], there)
  for (const [, name = '', state] of stdout.matchAll(/^remote\.(.*)\.annex-verified (.*)$/gm)) {
    if (state === 'verified') continue
    const shown = await runOk('git', ['annex', 'verifyremote', name], there)
    const [, id] = /--safe (\S+)/.exec(shown.stdout) ?? []
    // What was agreed to before is not asked for again.
    if (id !== undefined) await runOk('git', ['annex', 'verifyremote', name, '--safe', id], there)
  }
}
