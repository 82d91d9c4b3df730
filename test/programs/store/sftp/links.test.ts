import { afterAll, beforeAll, describe } from 'vitest'
import { openSftpStore } from '../../../../src/store/sftp/sftp.ts'
import { isRoot } from '../../../support/programs/users.ts'
import { type Sshd, startSshd } from '../../../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'
import { linkSuite, useLinkedStore } from '../link-suite.ts'

let workspace: Workspace
let sshd: Sshd
beforeAll(async () => {
  workspace = await makeWorkspace()
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  sshd = await startSshd(workspace)
})
afterAll(() => workspace?.remove())

describe.skipIf(!isRoot)('a store behind SFTP', () => {
  linkSuite(useLinkedStore((root) => openSftpStore({ target: { host: sshd.alias }, root, provider: 'ssh2' })))
})
