import { isStoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/**
 * Renames a directory with all that is in it, in one step, where the store or a program can do so
 * (with its modes, owners and links). False, and nothing has changed, where that cannot be. Both
 * ways are gone without following a link of a stranger, also one that is put there just then.
 */
export async function renameDirectory(store: Store, from: string, to: string, call: CallOptions): Promise<boolean> {
  try {
    if (store.traits.movesDirectories) {
      await store.move(from, to, { ...call, isDirectory: true })
      return true
    }
    if (!store.traits.exec) return false
    call.mayChange?.()
    const { code } = await store.exec(['sh', '-c', RENAME, 'sh', ...split(from), ...split(to)], { ...call, cwd: '' })
    return code === 0
  } catch (error) {
    // There is something already, or it is on another file system, or no program can be run.
    if (isStoreError(error, 'unsupported') || (isStoreError(error, 'conflict') && error.op === 'move')) return false
    throw error
  }
}

/**
 * Goes into both directories and sees by the system's own names for them that no link was on the
 * way, holds the one open that takes it, and renames from the one to the other: whatever has their
 * names by then. On one file system only, for `mv` would copy. Arguments: directory and name, of
 * both. Systems without /proc end with 1.
 */
const RENAME = `
enter() { cd -P -- "$root" && cd -P -- "./$1" && [ "$(pwd -P)" = "\${root%/}/$1" ]; }
root=$(pwd -P) && enter "$3" && exec 3< . && enter "$1" || exit 1
there=/proc/$$/fd/3
[ -d "./$2" ] && [ ! -e "$there/$4" ] && [ ! -L "$there/$4" ] || exit 1
of=$(stat -c %d "./$2") && [ "$of" = "$(stat -c %d "$there/.")" ] || exit 1
mv -T -n -- "./$2" "$there/$4" && [ ! -e "./$2" ] && [ -e "$there/$4" ]
`

function split(path: string): [string, string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, slash), path.slice(slash + 1)]
}
