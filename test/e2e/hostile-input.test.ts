import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AnnexHost } from '../support/programs/annex-host.ts'
import { runOk } from '../support/programs/run.ts'
import { addDataset, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const KEY = 'WORM-s3-m1700000000--thing'
let workspace: Workspace
let dataset: RiaDatasetFiles
let gitDir: string
let config: Record<string, string>

beforeAll(async () => {
  workspace = await makeWorkspace()
  const store = await makeRiaStore(workspace.path('store'))
  dataset = await addDataset(workspace, store)
  await mkdir(workspace.path('repo'))
  gitDir = workspace.path('repo/.git')
  await runOk('git', ['init', '-q', workspace.path('repo')], { env: workspace.env })
  config = { name: 'store', 'archive-id': dataset.id, url: `ria+file://${store.root}` }
})
afterAll(() => workspace?.remove())

const options = () => ({ gitDir, config, uuid: randomUUID() })

/**
 * Ends the program in the ordinary way: it must not have crashed, and has nothing to say about it.
 */
async function expectOrdinaryEnd(host: AnnexHost) {
  const result = await host.end()
  expect(result.stderr).toBe('')
  expect(result.status).toBe(0)
}

async function expectStillWorks(host: AnnexHost) {
  expect(await host.request(`CHECKPRESENT ${KEY}`)).toBe(`CHECKPRESENT-FAILURE ${KEY}`)
}

test.each([
  ['a verb that nobody knows', 'FROBNICATE x y'],
  ['a verb in small letters', 'checkpresent x'],
  ['a name that every object has', 'constructor x'],
  ['another name that every object has', '__proto__'],
  ['a request for an export', 'TRANSFEREXPORT STORE key file'],
  ['a space before the verb', ` CHECKPRESENT ${KEY}`],
  ['a transfer without its parameters', 'TRANSFER'],
  ['a transfer with too few parameters', `TRANSFER STORE ${KEY}`],
  ['a transfer in a direction that there is not', `TRANSFER SIDEWAYS ${KEY} /tmp/x`],
  ['a check without a key', 'CHECKPRESENT'],
  ['a check of an empty key', 'CHECKPRESENT '],
  ['a removal of an empty key', 'REMOVE '],
  ['parameters where there are none', 'PREPARE now'],
  ['bytes that are no UTF-8', '\xff\xfe\x80 \xc3\x28'],
  ['a verb with a NUL in it', 'CHECK\0PRESENT x'],
  ['a line of a megabyte', `CHECKPRESENT ${'x'.repeat(1024 * 1024)}`],
  ['a verb of a megabyte', 'X'.repeat(1024 * 1024)],
])('%s is an unsupported request, and the next one is served', async (_name, line) => {
  const host = await AnnexHost.prepared(workspace, options())
  expect(await host.request(line)).toBe('UNSUPPORTED-REQUEST')
  await expectStillWorks(host)
  await expectOrdinaryEnd(host)
})

test('a carriage return belongs to the key, and comes back with it', async () => {
  const host = await AnnexHost.prepared(workspace, options())
  const reply = await host.request(`CHECKPRESENT ${KEY}\r`)
  expect(reply).toMatch(/^(CHECKPRESENT-(FAILURE|UNKNOWN) |UNSUPPORTED-REQUEST)/)
  await expectStillWorks(host)
  await expectOrdinaryEnd(host)
})

test.each([
  ['a key that climbs out of the store', 'WORM--../../../../../../etc/passwd'],
  ['a key that is a path', '../../ria-layout-version'],
  ['a key of dots', '..'],
  ['a key with bytes that are no UTF-8', 'WORM--\xff\xfe\x80'],
  ['a key that is too long for a file name', `WORM--${'k'.repeat(400)}`],
])('%s is not there, and nothing outside its place is looked at or changed', async (_name, key) => {
  const host = await AnnexHost.prepared(workspace, options())
  const present = await host.request(`CHECKPRESENT ${key}`)
  expect(
    present?.startsWith(`CHECKPRESENT-FAILURE ${key}`) || present?.startsWith(`CHECKPRESENT-UNKNOWN ${key} `),
    present,
  ).toBe(true)
  const removed = await host.request(`REMOVE ${key}`)
  expect(removed?.startsWith(`REMOVE-SUCCESS ${key}`) || removed?.startsWith(`REMOVE-FAILURE ${key} `), removed).toBe(
    true,
  )
  const got = await host.request(`TRANSFER RETRIEVE ${key} ${workspace.path('got')}`)
  expect(got?.startsWith(`TRANSFER-FAILURE RETRIEVE ${key} `), got).toBe(true)
  await expectStillWorks(host)
  await expectOrdinaryEnd(host)
})

test('an answer to a question that was not asked ends the conversation, with the reason', async () => {
  const host = await AnnexHost.prepared(workspace, options())
  expect(await host.request('VALUE surprise')).toMatch(/^ERROR ./)
  expect(await host.line()).toBeUndefined()
  expect((await host.running.done).stderr).toBe('')
})

test('a line without a job number ends the conversation, with the reason, once jobs were agreed on', async () => {
  const host = await AnnexHost.start(workspace, options())
  expect(await host.request('EXTENSIONS INFO ASYNC')).toBe('EXTENSIONS INFO ASYNC')
  expect(await host.request(`CHECKPRESENT ${KEY}`)).toMatch(/^ERROR ./)
  expect(await host.line()).toBeUndefined()
})

test.each([
  'J x PREPARE',
  'J 0 PREPARE',
  'J -1 PREPARE',
  'J 1e9 PREPARE',
  'J 1',
  'J',
  'J 99999999999999999999 PREPARE',
])('a job number that is none (%s) ends the conversation, with the reason', async (line) => {
  const host = await AnnexHost.start(workspace, options())
  await host.request('EXTENSIONS INFO ASYNC')
  expect(await host.request(line)).toMatch(/^ERROR ./)
  expect(await host.line()).toBeUndefined()
  const result = await host.running.done
  expect(result.stderr).toBe('')
})

test('an answer for a job that was never seen ends the conversation, with the reason', async () => {
  const host = await AnnexHost.start(workspace, options())
  await host.request('EXTENSIONS INFO ASYNC')
  expect(await host.request('J 7 VALUE x')).toMatch(/^ERROR ./)
  expect(await host.line()).toBeUndefined()
})

test('an unknown verb in a job is answered in that job', async () => {
  const host = await AnnexHost.start(workspace, options())
  await host.request('EXTENSIONS INFO ASYNC')
  expect(await host.request('J 7 FROBNICATE')).toBe('J 7 UNSUPPORTED-REQUEST')
  await expectOrdinaryEnd(host)
})

test('only extensions that were offered are agreed on', async () => {
  const host = await AnnexHost.start(workspace, options())
  expect(await host.request('EXTENSIONS INFO UNHEARD-OF')).toBe('EXTENSIONS INFO')
  await expectOrdinaryEnd(host)
})

test('empty lines, and an input that ends in the middle of a line, do no harm', async () => {
  const host = await AnnexHost.prepared(workspace, options())
  host.write('\n\n')
  await expectStillWorks(host)
  host.write('CHECKPRE')
  await expectOrdinaryEnd(host)
})

test('an ERROR of git-annex ends the program', async () => {
  const host = await AnnexHost.prepared(workspace, options())
  host.write('ERROR something is wrong\n')
  const result = await host.running.done
  expect(result.stderr).toBe('')
  expect(result.timedOut).toBe(false)
})

test('a request before the remote was prepared is refused, and does not end the program', async () => {
  const host = await AnnexHost.start(workspace, options())
  expect(await host.request(`CHECKPRESENT ${KEY}`)).toMatch(new RegExp(`^CHECKPRESENT-UNKNOWN ${KEY} .`))
  await expectOrdinaryEnd(host)
})

test('a reader that goes away ends the program', async () => {
  const host = await AnnexHost.prepared(workspace, options())
  host.running.child.stdout?.destroy()
  for (let i = 0; i < 100; i++) host.write(`CHECKPRESENT ${KEY}\n`)
  const result = await host.running.done
  expect(result.timedOut).toBe(false)
  expect(result.stderr).toBe('')
})
