import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import { makeStore } from '../../../src/ria/make-store.ts'
import { openS3Store } from '../../../src/store/s3/s3.ts'
import { killChain } from '../../support/kill/kill-chain.ts'
import { type ArchiveProgram, installArchiveProgram } from '../../support/programs/archive-program.ts'
import { useTestS3, withAccount } from '../../support/servers/s3.ts'
import { startSshd } from '../../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

/** Of each of the three copies. */
const KILLS = Number(process.env.RIASTORE_KILLS ?? 17)
const KEYS = Number(process.env.RIASTORE_KEYS ?? 10_000)

let workspace: Workspace
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

test('a store goes from a disk to S3, behind ssh and to a disk, each copy killed many times, while a client pushes, and ends the same', async () => {
  const { endpoint, bucket, account } = await useTestS3()
  const store = openS3Store({ endpoint, bucket, prefix: 'store', credentials: account })
  await makeStore(store, false, {})
  await recordAtomicPuts(store, {})
  await store.close()
  const { alias } = await startSshd(workspace)
  const [second, third] = [workspace.path('second'), workspace.path('third')]
  const { killed, pushed } = await killChain({
    workspace,
    riastore,
    env: withAccount(workspace.env, account),
    stops: [
      { url: `ria+s3+${endpoint}/${bucket}/store`, root: undefined },
      { url: `ria+ssh://${alias}${second}`, root: second },
      { url: third, root: third },
    ],
    kills: KILLS,
    keys: KEYS,
  })
  console.log(`${KEYS} keys: killed ${killed} times, pushed ${pushed} times`)
  expect(killed).toBeGreaterThan(2 * KILLS)
  expect(pushed).toBeGreaterThan(1)
})
