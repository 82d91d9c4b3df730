import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemPath } from '../programs/programs.ts'
import { type Result, run } from '../programs/run.ts'
import type { Workspace } from './workspace.ts'

/** Somebody whom this machine does not know. */
const SOMEBODY = 4321

export interface CleanRoot {
  /** What lies there, by its path: a directory or file of this machine. */
  readonly given: Readonly<Record<string, string>>
  /** Runs first, as root: what only root may install. */
  readonly asRoot?: string
  /** Runs then, as a user with the empty home /home/somebody and no other rights. */
  readonly asUser: string
  /** Runs last, as root. */
  readonly atTheEnd?: string
  /** Whether node and npm are there. */
  readonly hasNode: boolean
}

/**
 * Runs shell scripts where nothing of this project is, and no network: this machine's own system,
 * in an overlay that is gone afterwards, with empty homes and an empty /tmp. Only root can.
 */
export async function runInCleanRoot(workspace: Workspace, root: CleanRoot): Promise<Result> {
  const place = workspace.path('clean-root')
  await mkdir(place, { recursive: true })
  await writeFile(workspace.path('clean-root.sh'), script(place, root))
  const words = ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', workspace.path('clean-root.sh')]
  return await run('unshare', words, { env: { PATH: systemPath, LC_ALL: 'C.UTF-8' } })
}

function script(place: string, { given, asRoot = ':', asUser, atTheEnd = ':', hasNode }: CleanRoot): string {
  const merged = `${place}/merged`
  const path = [...(hasNode ? [dirname(process.execPath)] : []), '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(':')
  const environment = (home: string) => `env -i HOME=${home} PATH=${path} LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive`
  const user = `setpriv --reuid=${SOMEBODY} --regid=${SOMEBODY} --clear-groups --no-new-privs`
  const bind = ([to, from]: [string, string]) => `if [ -d '${from}' ]; then mkdir -p '${merged}${to}'
else mkdir -p '${merged}${dirname(to)}' && : >'${merged}${to}'; fi
mount --bind '${from}' '${merged}${to}'`
  return `set -eu
mount --make-rprivate /
mount -t tmpfs none '${place}'
cd '${place}'
mkdir upper work merged
mount -t overlay overlay -o 'lowerdir=/,upperdir=${place}/upper,workdir=${place}/work' merged
mount -t proc proc merged/proc
mount --rbind /dev merged/dev
for directory in tmp root home; do mount -t tmpfs none "merged/$directory"; done
chmod 1777 merged/tmp
mkdir merged/home/somebody && chown ${SOMEBODY}:${SOMEBODY} merged/home/somebody
${Object.entries(given).map(bind).join('\n')}
${hasNode ? '' : 'for name in node npm npx; do rm -f merged/usr/bin/$name merged/usr/local/bin/$name merged/bin/$name; done'}
cat >merged/as-root <<'END'
set -eu
${asRoot}
END
cat >merged/as-user <<'END'
set -eu
cd
${asUser}
END
cat >merged/at-the-end <<'END'
set -eu
${atTheEnd}
END
in_it() { chroot merged "$@"; }
in_it ${environment('/root')} sh /as-root
in_it ${user} ${environment('/home/somebody')} sh /as-user
in_it ${environment('/root')} sh /at-the-end
`
}
