import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installArchiveProgram } from '../support/programs/archive-program.ts'
import { projectDirectory } from '../support/programs/programs.ts'
import { explain, run } from '../support/programs/run.ts'
import { type AnnexRepo, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { openRiaStore } from '../support/repos/ria-store.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let clone: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  const program = await installArchiveProgram(workspace)
  clone = await makeDataset(workspace, 'mydata')
  await clone.add({ 'a.dat': 'one', 'sub/b.dat': 'two' })
  const store = `ria+file://${workspace.path('store')}`
  const sibling = ['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'mydata', store]
  await program.ok(sibling, { cwd: clone.path })
  await clone.datalad('push', '--to', 'store')
})
afterAll(() => workspace?.remove())

/** What happens before a section. */
const EVENTS: Readonly<Record<string, () => Promise<void>>> = {
  'When a key is damaged': async () => {
    await clone.add({ 'new.dat': 'three' })
    await clone.annex('copy', '--to', 'store-storage', 'new.dat')
    await clone.git('push', 'store', '--all')
    const dataset = openRiaStore(workspace.path('store')).dataset(await datasetId(clone))
    const path = await dataset.keyFile(clone, await clone.key('new.dat'))
    await chmod(path, 0o644)
    await writeFile(path, 'thred')
    await chmod(path, 0o444)
  },
  'When somebody leaves': () => clone.add({ 'only-here.dat': 'four' }).then(() => {}),
}

/** How blocks end that do not end with 0, and what blocks have to say; by section and number. */
const CODES: Readonly<Record<string, number>> = { 'When a key is damaged 0': 3 }
const SAYS: Readonly<Record<string, RegExp>> = {
  'Each day 0': /~mydata[\s\S]*no problems/,
  'Each day 1': /read 2 keys/,
  'Each week 0': /^\S+\/store: .* in 1 dataset\n=+\nCounted at /m,
  'When a key is damaged 0': /new\.dat at /,
  'When a key is damaged 2': /no problems/,
  'When the disk fills 0': /unused +0[\s\S]*0 of 3 keys unused/,
  'When somebody leaves 0': /mydata/,
  'Moving 0': /no problems/,
  'Deleting 0': /mydata/,
  'Deleting 1': /"type":"summary"/,
}

test('docs/year.md leads through a year, word by word', async () => {
  const text = await readFile(join(projectDirectory, 'docs/year.md'), 'utf8')
  const values = { STORE: 'store', MIRROR: 'mirror', NEW: 'new', CLONE: 'mydata' }
  const words = Object.entries(values).map(([name, place]) => `${name}='${workspace.path(place)}'`)
  const [first = '', ...sections] = text.split(/^## /m)
  for (const name of Object.keys(values)) expect(first).toMatch(new RegExp(`^${name}=`, 'm'))
  const [events, said] = [new Set(Object.keys(EVENTS)), new Set(Object.keys(SAYS))]
  for (const section of sections) {
    const [title = ''] = section.split('\n')
    await EVENTS[title]?.()
    events.delete(title)
    for (const [i, [, block = '']] of [...section.matchAll(/^```sh\n(.*?)^```$/gms)].entries()) {
      const name = `${title} ${i}`
      const variables = i === 0 ? words : [...words, `ID='${await datasetId(clone)}'`]
      const script = ['set -eu', ...variables, block].join('\n')
      const ran = await run('sh', ['-c', script], { env: workspace.env, cwd: workspace.directory })
      expect([name, ran.status], explain(ran)).toEqual([name, CODES[name] ?? 0])
      expect([name, ran.stdout]).toEqual([name, expect.stringMatching(SAYS[name] ?? /^/)])
      said.delete(name)
    }
  }
  expect([...events, ...said]).toEqual([])
})
