import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { explain, type Result, run } from '../programs/run.ts'
import type { Workspace } from './workspace.ts'

/** git, and repositories in a workspace. */
export interface GitCommands {
  git(cwd: string, ...args: string[]): Promise<Result>
  /** Its stdout; fails when git does. */
  gitOk(cwd: string, ...args: string[]): Promise<string>
  commit(repo: string, name: string, content?: string | Uint8Array): Promise<void>
  newRepo(name: string): Promise<string>
  clone(url: string, name: string, ...options: string[]): Promise<string>
}

export function gitCommands(workspace: Workspace, env: NodeJS.ProcessEnv): GitCommands {
  const git = (cwd: string, ...args: string[]) => run('git', args, { env, cwd })
  const gitOk = async (cwd: string, ...args: string[]) => {
    const result = await git(cwd, ...args)
    if (result.status !== 0) throw new Error(explain(result))
    return result.stdout
  }
  return {
    git,
    gitOk,
    commit: async (repo, name, content = name) => {
      await writeFile(join(repo, name), content)
      await gitOk(repo, 'add', name)
      await gitOk(repo, 'commit', '-q', '-m', name)
    },
    newRepo: async (name) => {
      const repo = workspace.path(name)
      await mkdir(repo)
      await gitOk(repo, 'init', '-q')
      return repo
    },
    clone: async (url, name, ...options) => {
      await gitOk(workspace.directory, 'clone', '-q', ...options, url, workspace.path(name))
      return workspace.path(name)
    },
  }
}
