/**
 * What Python does for us, and node cannot: fusermount3, which may mount for users, sends the open
 * /dev/fuse over a socket. It becomes descriptor 4, and the program that was asked for takes
 * Python's place. That keeps the socket, as 5: when it is killed, fusermount3 unmounts.
 * Source: libfuse, lib/mount.c (_FUSE_COMMFD) and util/fusermount.c (auto_unmount).
 */
const RECEIVE = `
import array, fcntl, os, socket, subprocess, sys
fusermount, options, directory = sys.argv[1:4]
ours, theirs = socket.socketpair()
os.set_inheritable(theirs.fileno(), True)
env = dict(os.environ, _FUSE_COMMFD=str(theirs.fileno()))
child = subprocess.Popen([fusermount, '-o', options, '--', directory], env=env, close_fds=False, stderr=subprocess.PIPE)
theirs.close()
control = ours.recvmsg(1, socket.CMSG_SPACE(4))[1]
if not control:
    sys.stderr.buffer.write(child.stderr.read())
    sys.exit(child.wait() or 1)
fds = array.array('i')
fds.frombytes(control[0][2][:4])
device, keeper = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (fds[0], ours.fileno())]
os.dup2(device, 4)
os.dup2(keeper, 5)
os.closerange(6, 64)
os.execv(sys.argv[4], sys.argv[4:])
`

/** The descriptor at which the started program finds /dev/fuse. */
export const FUSE_FD = 4

export interface MountWords {
  readonly python: string
  /** The program that mounts and unmounts. */
  readonly fusermount: string
  readonly directory: string
  /** What the list of mounted file systems says that it is. */
  readonly source: string
  /** It can be written to. */
  readonly writable: boolean
}

/**
 * The command line that mounts a folder and then is `program`, which has to answer for it. It says
 * on stderr why it cannot be mounted, and ends with 1. Descriptor 3 is the caller's.
 */
export function launcherCommand(
  { python, fusermount, directory, source, writable }: MountWords,
  program: readonly string[],
): readonly string[] {
  const options = [
    ...[
      writable ? 'rw' : 'ro',
      'nosuid',
      'nodev',
      'auto_unmount',
      'default_permissions',
      'max_read=1048576',
      'subtype=riastore',
    ],
    `fsname=${source.replace(/[\\,]/g, '\\$&')}`, // as libfuse escapes it
  ]
  return [python, '-I', '-c', RECEIVE, fusermount, options.join(','), directory, ...program]
}
