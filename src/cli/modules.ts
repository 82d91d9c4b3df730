import type { Console } from './console.ts'

/** The file of a command. */
export interface CommandModule {
  /** Resolves with the exit code. `args`: what the command's tables say, see ArgsOf. */
  readonly run: (console: Console, args: never) => Promise<number>
}

/** Loads what a command does, by the name that it has in the table. */
export const MODULES: Readonly<Record<string, () => Promise<CommandModule>>> = {
  init: () => import('./commands/init.ts'),
  doctor: () => import('./commands/doctor.ts'),
  ls: () => import('./commands/ls/ls.ts'),
  cat: () => import('./commands/cat.ts'),
  stat: () => import('./commands/stat/stat.ts'),
  check: () => import('./commands/check.ts'),
  repair: () => import('./commands/repair/repair.ts'),
  show: () => import('./commands/show.ts'),
  archive: () => import('./commands/archive/archive.ts'),
  unarchive: () => import('./commands/unarchive.ts'),
  gc: () => import('./commands/gc.ts'),
  copy: () => import('./commands/copy.ts'),
  move: () => import('./commands/move.ts'),
  unused: () => import('./commands/unused.ts'),
  dedup: () => import('./commands/dedup/dedup.ts'),
  rm: () => import('./commands/rm.ts'),
  restore: () => import('./commands/restore.ts'),
  thaw: () => import('./commands/thaw/thaw.ts'),
  get: () => import('./commands/get.ts'),
  put: () => import('./commands/put.ts'),
  commit: () => import('./commands/commit.ts'),
  serve: () => import('./commands/serve/serve.ts'),
  'serve token': () => import('./commands/serve/token.ts'),
  catalog: () => import('./commands/catalog.ts'),
  mount: () => import('./commands/mount/mount.ts'),
  url: () => import('./commands/url.ts'),
  'create-sibling': () => import('./commands/create-sibling.ts'),
  'create-sibling-gitlab': () => import('./commands/create-sibling-gitlab.ts'),
  procedure: () => import('./commands/procedure.ts'),
  'alias ls': () => import('./commands/alias/ls.ts'),
  'alias set': () => import('./commands/alias/set.ts'),
  'alias mv': () => import('./commands/alias/mv.ts'),
  'alias rm': () => import('./commands/alias/rm.ts'),
  'store add': () => import('./commands/store/add.ts'),
  'store set': () => import('./commands/store/set.ts'),
  'store ls': () => import('./commands/store/ls.ts'),
  'store rm': () => import('./commands/store/rm.ts'),
  'site add': () => import('./commands/site/add.ts'),
  'site ls': () => import('./commands/site/ls.ts'),
  'site show': () => import('./commands/site/show.ts'),
  'site rm': () => import('./commands/site/rm.ts'),
  'site check': () => import('./commands/site/check.ts'),
  completion: () => import('./commands/completion.ts'),
  'complete-words': () => import('./commands/complete-words.ts'),
  'write-manual': () => import('./commands/write-manual.ts'),
  help: () => import('./commands/help.ts'),
}
