import { basename } from 'node:path'

/**
 * Whether the git-annex that started us, by its command line, looks at the content of each key:
 * `git annex fsck`, without `--fast`. When in doubt, not.
 */
export function readsContent(command: readonly string[]): boolean {
  const program = command.findIndex(
    (argument, at) => basename(argument) === 'git-annex' && command[at - 1] !== '--argv0',
  )
  if (program < 0 || command[program + 1] !== 'fsck') return false
  return !command.slice(program + 2).some((option) => /^(--fa|-[a-zA-Z]*F)/.test(option))
}
