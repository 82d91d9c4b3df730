import { afterAll, expect, test } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openSftpStore } from '../../../src/store/sftp/sftp.ts'
import type { SshProvider } from '../../../src/store/ssh/connect.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Subject, storeConformance } from '../../conformance/store-conformance.ts'
import { startSshd } from '../../support/servers/sshd.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { temporaryDirectory, wrapped } from '../../support/stores/stores.ts'
import { makeWorkspace } from '../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())
process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
const sshd = await startSshd(workspace)

async function setUp(provider: SshProvider, wrap: (store: Store) => Store = (store) => store): Promise<Subject> {
  const directory = await temporaryDirectory()
  const store = wrap(openSftpStore({ target: { host: sshd.alias }, root: directory.path, provider }))
  return { store, cleanUp: () => store.close().then(directory.remove) }
}

storeConformance('the SFTP store, connected by ssh2,', () => setUp('ssh2'), { identityMs: 1_100, executes: true })
storeConformance('the SFTP store, connected by OpenSSH,', () => setUp('openssh'), { identityMs: 1_100 })
storeConformance('the SFTP store in all wrappers', () => setUp('auto', wrapped), { identityMs: 1_100, executes: true })

test.each(['ssh2', 'openssh'] as const)('over SFTP by %s a file gets the time that it shall have', async (provider) => {
  const { store, cleanUp } = await setUp(provider)
  try {
    for (const bytes of [10, 20_000_000]) {
      const stat = await store.put('file', bufferSource(content(bytes)), { mtimeMs: 1_000_000_000_999 })
      expect(stat).toMatchObject({ size: bytes, mtimeMs: 1_000_000_000_000 })
      expect(await store.stat('file')).toEqual(stat)
    }
  } finally {
    await cleanUp()
  }
})
