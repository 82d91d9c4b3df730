import { afterAll, beforeAll, expect, test } from 'vitest'
import { Interrupted } from '../../../../src/cli/terminal.ts'
import { recordAtomicPuts } from '../../../../src/ria/layout/atomic-puts.ts'
import { LAYOUT_FILE } from '../../../../src/ria/layout/paths.ts'
import { makeStore } from '../../../../src/ria/make-store.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, type Ran, riastore } from '../../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../../support/repos/memory-repository.ts'
import { useTestS3, withAccount } from '../../../support/servers/s3.ts'
import { CONTENT, KEY } from '../../../support/stores/memory-dataset.ts'
import { write } from '../../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const IDS = Array.from({ length: 4 }, (_, n) => `${n.toString(16)}1111111-2222-3333-4444-555555555555`)
const KEY_BELOW = `annex/objects/W8/p2/${KEY}/${KEY}`
const directoryOf = (id: string) => `${id.slice(0, 3)}/${id.slice(3)}`

let workspace: Workspace
let store: Store
let url: string
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  const { endpoint, bucket, account } = await useTestS3()
  Object.assign(process.env, withAccount(workspace.env, account), { XDG_STATE_HOME: workspace.path('state') })
  store = openS3Store({ endpoint, bucket, prefix: 'store', credentials: account })
  await makeStore(store, false, {})
  await recordAtomicPuts(store, {})
  for (const id of IDS) {
    await write(store, `${directoryOf(id)}/${LAYOUT_FILE}`, '2\n')
    await write(store, `${directoryOf(id)}/config`, '[core]\n\trepositoryformatversion = 0\n\tbare = true\n')
    await write(store, `${directoryOf(id)}/${KEY_BELOW}`, CONTENT)
    const said = `[datalad "dataset"]\n\tid = ${id}\n`
    await commitFiles(store, directoryOf(id), { 'x.dat': annexLink(KEY), '.datalad/config': said })
  }
  url = `ria+s3+${endpoint}/${bucket}/store`
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await store?.close()
  await workspace?.remove()
})

const COMMANDS: Readonly<Record<string, () => readonly string[]>> = {
  ls: () => ['ls', url],
  stat: () => ['stat', url],
  check: () => ['check', '--data', url],
  unused: () => ['unused', url],
  gc: () => ['gc', '--all', url],
  copy: () => ['copy', url, workspace.path('copy')],
  archive: () => ['archive', '--all', '--yes', url],
}

const summaryOf = (ran: Ran) => objectsOf(ran, 'summary').at(-1) ?? {}

test.each(Object.keys(COMMANDS))(
  'in S3 %s works on each dataset in one of the shards, and on all of them',
  async (name) => {
    const command = COMMANDS[name]?.() ?? []
    const counts: number[] = []
    for (const shard of ['1/2', '2/2']) {
      const ran = await riastore([...command, '--json', '--shard', shard])
      expect([ran.code, ran.stderr]).toEqual([0, ''])
      counts.push(Number(summaryOf(ran).datasets))
    }
    const all = await riastore([...command, '--json'])
    expect([all.code, summaryOf(all).datasets]).toEqual([0, IDS.length])
    expect([counts[0] === 0 || counts[1] === 0, (counts[0] ?? 0) + (counts[1] ?? 0)]).toEqual([false, IDS.length])
  },
)

test.each(Object.keys(COMMANDS).filter((name) => name !== 'ls'))(
  'in S3 %s that was cut goes on with the datasets that it had not done',
  async (name) => {
    const command = [...(COMMANDS[name]?.() ?? []), '--json', '--no-progress', '--resume']
    // check tells nothing of a dataset that is good: the second one is not.
    const path = `${directoryOf(IDS[1] ?? '')}/${KEY_BELOW}`
    if (name === 'check') await write(store, path, 'short')
    const stop = new AbortController()
    const cut = await riastore(command, {
      signal: stop.signal,
      onPrint: () => stop.abort(new Interrupted('SIGTERM')),
    })
    expect(cut.code).toBe(143)
    if (name === 'check') await write(store, path, CONTENT)
    const ran = await riastore(command)
    const { datasets, resumed } = summaryOf(ran)
    expect([ran.code, Number(resumed) > 0]).toEqual([name === 'check' ? 3 : 0, true])
    // stat tells of all, and all others of what they worked on.
    expect(Number(datasets) + (name === 'stat' ? 0 : Number(resumed))).toBe(IDS.length)
  },
)
