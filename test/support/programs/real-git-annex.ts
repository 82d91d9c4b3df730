import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../../src/core/process/run.ts'
import { systemPath } from './programs.ts'

/** An empty repository in which the real git-annex is asked what it computes. */
export interface RealGitAnnex {
  readonly directory: string
  /**
   * Gives git-annex lines on stdin and returns the lines that it prints, as bytes that are one
   * character each.
   */
  batch(parameters: readonly string[], lines: readonly Uint8Array[]): Promise<string[]>
  remove(): Promise<void>
}

export async function makeRealGitAnnex(): Promise<RealGitAnnex> {
  const directory = await mkdtemp(join(tmpdir(), 'riastore-core-'))
  const ask = async (parameters: readonly string[], input?: Uint8Array) => {
    const own = [`PATH=${systemPath}`, `HOME=${directory}`, 'GIT_CONFIG_NOSYSTEM=1', 'LC_ALL=C.UTF-8']
    const { code, stdout, stderr } = await run('env', ['-i', ...own, 'git', ...parameters], {
      cwd: directory,
      ...(input && { input }),
    })
    if (code !== 0) throw new Error(`git ${parameters.join(' ')} ended with ${code}: ${stderr}`)
    return stdout.toString('latin1')
  }
  await ask(['init', '-q'])
  await ask(['-c', 'user.name=a', '-c', 'user.email=a@example.com', 'annex', 'init', '-q', 'test'])
  return {
    directory,
    batch: async (parameters, lines) => {
      const input = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
      const printed = await ask(['annex', ...parameters, '--batch'], input)
      return printed.split('\n').slice(0, -1)
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}
