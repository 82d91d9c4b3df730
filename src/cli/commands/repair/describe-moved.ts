import type { MovedToId } from '../../../admin/move/move-to-id.ts'
import { shellWord } from '../../../setup/clone/shell-word.ts'
import { idOf } from '../../dataset-names.ts'

/** Where a dataset is now, and what each clone has to be told, in one line. */
export function describeMovedToId({ directory, name, problems }: MovedToId): string {
  const enable = name === undefined ? [] : [`git annex enableremote ${shellWord(name)} archive-id=${idOf(directory)}`]
  const commands = [`git remote set-url SIBLING .../${directory}`, ...enable].join('; ')
  const clones = `each clone has to be told (SIBLING is what it calls it, ... the store as it names it): ${commands}`
  return [`it is in ${directory} now`, ...problems, clones].join('; ')
}
