import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { storeServer } from '../../../src/serve/server.ts'
import { runOk } from '../../support/programs/run.ts'
import { DIRECTORY, memoryStore } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

const CONFIG = `[core]
\tbare = true
\tsharedRepository = group
[remote "x"]
\turl = https://user:secret@example.com/
[annex]
\tuuid = 11111111-2222-3333-4444-555555555555
[datalad "ora-remote.Some \\"Name\\""]
\tuuid = 66666666-2222-3333-4444-555555555555
`

let served: ReturnType<typeof storeServer>

beforeAll(async () => {
  const store = await memoryStore()
  await write(store, `${DIRECTORY}/config`, CONFIG)
  served = storeServer(store, { cacheDirectory: undefined, hosts: new Set(), onAccess: () => {} })
  served.server.listen(0, '127.0.0.1')
  await once(served.server, 'listening')
})
afterAll(() => served?.close())

test('of the configuration of a bare repository only what clients need is served, and git reads it', async () => {
  const { port } = served.server.address() as AddressInfo
  const text = await (await fetch(`http://127.0.0.1:${port}/${DIRECTORY}/config`)).text()
  const { stdout } = await runOk('git', ['config', '--list', '--file', '-'], { input: text })
  expect(stdout.trim().split('\n')).toEqual([
    'core.bare=true',
    'annex.uuid=11111111-2222-3333-4444-555555555555',
    'datalad.ora-remote.Some "Name".uuid=66666666-2222-3333-4444-555555555555',
  ])
})
