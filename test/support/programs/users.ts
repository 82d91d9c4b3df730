import { mkdir } from 'node:fs/promises'
import type { CommandOptions } from '../repos/annex-repo.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { runOk, type User } from './run.ts'

export const isRoot = process.getuid?.() === 0

/** Makes options for running programs as another user, who has a home of its own. */
export async function asUser(workspace: Workspace, user: User, env = workspace.env): Promise<CommandOptions> {
  const home = workspace.path(`home-${user.uid}`)
  await mkdir(home, { recursive: true })
  await runOk('cp', [workspace.path('home/.gitconfig'), home])
  await runOk('chown', ['-R', `${user.uid}:${user.gid}`, home])
  return {
    user,
    env: {
      ...env,
      HOME: home,
      GIT_CONFIG_GLOBAL: `${home}/.gitconfig`,
      GNUPGHOME: `${home}/.gnupg`,
      USER: `user${user.uid}`,
    },
  }
}
