import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { parseSharing } from '../../store/sharing.ts'
import type { CallOptions, ExecResult, Sharing, Store } from '../../store/store.ts'
import { execWithin } from './exec.ts'
import type { RepositoryWish } from './repository-wish.ts'

const IS_THERE = 17
const NO_GIT = 19

/**
 * Runs in the store's root, with the values of `parameters` as $1, $2, …. Any POSIX shell will do.
 */
const MAKE = `set -eu
prefix=$1 rest=$2 token=$3 new=$4 git=$5 annex=$6 shared=$7 group=$8 uuid=$9
shift 9
hook=$1 branch=$2 directory_mode=$3 file_mode=$4
if [ -n "$git" ]; then
  command -v git >/dev/null || exit ${NO_GIT}
  unset $(git rev-parse --local-env-vars)
fi
new_prefix=
[ -d "$prefix" ] || new_prefix=1
mkdir -p "$prefix"
mkdir "$prefix/$rest" 2>/dev/null || [ -d "$prefix/$rest" ] || mkdir -p "$prefix/$rest"
if [ -n "$new" ]; then
  (: >"$prefix/$rest/$token") 2>/dev/null || {
    # Who lost against somebody took the directory away.
    [ -d "$prefix/$rest" ] || exit ${IS_THERE}
    : >"$prefix/$rest/$token"
  }
  [ "$(ls -A "$prefix/$rest")" = "$token" ] || {
    rm -f "$prefix/$rest/$token"
    rmdir "$prefix/$rest" 2>/dev/null || :
    exit ${IS_THERE}
  }
fi
if [ -n "$new_prefix" ]; then
  [ -z "$group" ] || chgrp "$group" "$prefix"
  [ -z "$directory_mode" ] || chmod "$directory_mode" "$prefix"
fi
cd "$prefix/$rest"
mkdir -p archives
[ -z "$annex" ] || mkdir -p annex/objects
if [ -n "$git" ]; then
  had_git=
  [ ! -e HEAD ] || had_git=1
  git init -q --bare \${shared:+"--shared=$shared"} .
  [ -n "$had_git" ] || [ -z "$branch" ] || git --git-dir=. symbolic-ref HEAD "refs/heads/$branch"
  [ -z "$uuid" ] || git config --file config --replace-all datalad.ora-remote.uuid "$uuid"
  if [ -n "$hook" ]; then
    if [ ! -e hooks/post-update ]; then
      mkdir -p hooks
      if [ -e hooks/post-update.sample ]; then
        mv hooks/post-update.sample hooks/post-update
      else
        printf '#!/bin/sh\\nexec git update-server-info\\n' >hooks/post-update
        chmod +x hooks/post-update
      fi
    fi
    git --git-dir=. update-server-info
  fi
fi
[ -z "$directory_mode" ] || chmod "$directory_mode" . archives \${annex:+annex annex/objects}
if [ ! -e ria-layout-version ]; then
  printf '2\\n' >"$token.layout"
  [ -z "$file_mode" ] || chmod "$file_mode" "$token.layout"
fi
[ -z "$group" ] || chgrp -R "$group" .
[ ! -e "$token.layout" ] || mv "$token.layout" ria-layout-version
`

/** What others put into it shows as a key, an archive, an object or a ref. */
const REMOVE = `set -eu
prefix=$1 rest=$2 token=$3 whole=$4
[ -d "$prefix/$rest" ] || exit 0
[ -n "$whole" ] || [ -e "$prefix/$rest/$token" ] || exit 0
cd "$prefix/$rest"
used=$(find . -type f \\( -path './annex/*' -o -path './archives/*' -o -path './objects/??/*' -o -path './objects/pack/*' -o -path './refs/*' -o -path './packed-refs' \\) | head -n 1)
if [ -n "$used" ]; then
  echo "$used"
  exit 0
fi
cd ../..
rm -rf "./$prefix/$rest" 2>/dev/null || { sleep 1; rm -rf "./$prefix/$rest"; }
rmdir "./$prefix" 2>/dev/null || :
`

const OP = 'git init'

/**
 * Makes a repository by the git of where the store lies; the token stays in a new one. Throws
 * StoreError `unsupported` where there is no shell or no git.
 */
export async function makeByShell(dataset: StoredDataset, wish: RepositoryWish, call: CallOptions): Promise<void> {
  const { token, isNew, git, annex, shared, group, uuid, hook, branch } = wish
  const sharing = parseSharing(shared)
  const flag = (value: boolean) => (value ? '1' : '')
  const parameters = [
    ...splitDirectory(dataset),
    token,
    flag(isNew),
    flag(git),
    flag(annex),
    shared ?? '',
    group ?? '',
    uuid ?? '',
    flag(hook),
    branch ?? '',
    directoryMode(sharing),
    fileMode(sharing),
  ]
  const result = await runScript(dataset.store, MAKE, parameters, call)
  if (result.code === 0) return
  if (result.code === IS_THERE) throw dataset.error('conflict', OP, 'somebody else made it just now')
  if (result.code === NO_GIT) throw dataset.error('unsupported', OP, 'git is not installed')
  throw dataset.error('denied', OP, lastLine(result))
}

/** Returns why it was left, if it was. */
export async function removeByShell(
  dataset: StoredDataset,
  wish: RepositoryWish,
  isWhole: boolean,
  call: CallOptions,
): Promise<string | undefined> {
  const result = await runScript(
    dataset.store,
    REMOVE,
    [...splitDirectory(dataset), wish.token, isWhole ? '1' : ''],
    call,
  )
  if (result.code !== 0) throw dataset.error('denied', OP, lastLine(result))
  const used = result.stdout.toString().trim()
  return used === '' ? undefined : `${dataset.where()} was left: it is in use (${used})`
}

function runScript(store: Store, script: string, parameters: readonly string[], call: CallOptions) {
  return execWithin(store, ['sh', '-c', script, 'riastore', ...parameters], call)
}

function splitDirectory({ directory }: StoredDataset): [string, string] {
  const at = directory.indexOf('/')
  return [directory.slice(0, at), directory.slice(at + 1)]
}

/** For chmod: what git gives the directories that it makes itself. */
function directoryMode(sharing: Sharing | undefined): string {
  if (sharing === undefined) return ''
  if (!sharing.force) return (sharing.mode & 0o004) === 0 ? 'u+rwx,g+rwxs' : 'u+rwx,g+rwxs,o+rx'
  const bits = sharing.mode | ((sharing.mode & 0o444) >> 2)
  return ((bits & 0o060) === 0 ? bits : bits | 0o2000).toString(8).padStart(4, '0')
}

function fileMode(sharing: Sharing | undefined): string {
  if (sharing === undefined) return ''
  if (!sharing.force) return (sharing.mode & 0o004) === 0 ? 'g+rw' : 'g+rw,o+r'
  return sharing.mode.toString(8).padStart(4, '0')
}

function lastLine({ code, stderr }: ExecResult): string {
  return stderr.trim().split('\n').slice(-2).join(' ') || `the shell ended with exit code ${code}`
}
