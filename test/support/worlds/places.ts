import { recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { makeStore } from '../../../src/ria/make-store.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import type { Store } from '../../../src/store/store.ts'
import { useTestS3, withAccount } from '../servers/s3.ts'
import { startSshd } from '../servers/sshd.ts'
import type { Workspace } from './workspace.ts'

/** Where a store can lie that the programs reach through a network. */
export interface Place {
  /** Of the store, for `riastore`. */
  readonly url: string
  /** The same for programs that push and clone with git. */
  readonly gitUrl: string
  /** The same store past the network, for us. */
  readonly store: Store
  /** Where it lies on this machine: nothing is there yet. undefined: a bucket, with a store. */
  readonly root: string | undefined
  /** With the credentials that it takes. */
  readonly env: NodeJS.ProcessEnv
}

/** By the words that a test's name begins with. */
export const PLACES: Readonly<Record<'in S3' | 'over ssh' | 'over SFTP without a shell', PlaceMaker>> = {
  'in S3': async (workspace) => {
    const { endpoint, bucket, account } = await useTestS3()
    const store = openS3Store({ endpoint, bucket, prefix: 'store', credentials: account })
    workspace.onRemove(() => store.close())
    await makeStore(store, false, {})
    // So that nobody need try again what Ceph does: that takes three hundred requests.
    await recordAtomicPuts(store, {})
    const url = `ria+s3+${endpoint}/${bucket}/store`
    return { url, gitUrl: url, store, root: undefined, env: withAccount(workspace.env, account) }
  },
  'over ssh': (workspace) => onServer(workspace, 'by-ssh', 'ria+ssh', []),
  'over SFTP without a shell': (workspace) =>
    onServer(workspace, 'by-sftp', 'ria+sftp', ['ForceCommand internal-sftp']),
}

export type PlaceName = keyof typeof PLACES
type PlaceMaker = (workspace: Workspace) => Promise<Place>

async function onServer(workspace: Workspace, name: string, scheme: string, config: readonly string[]): Promise<Place> {
  const { alias } = await startSshd(workspace, { config })
  const root = workspace.path(name)
  const [url, gitUrl] = [`ria+ssh://${alias}${root}`, `${scheme}://${alias}${root}`]
  return { url, gitUrl, store: openLocalStore({ root }), root, env: workspace.env }
}
