import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemProgram, writeWrapper } from '../support/programs/programs.ts'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, datasetId, exists, makeDataset } from '../support/repos/annex-repo.ts'
import { variants } from '../support/shared/variants.ts'
import {
  copyOf,
  created,
  createSibling,
  settingsOf,
  startCreateSibling,
  storedTree,
  withoutAsked,
} from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let dataset: AnnexRepo
let directory: string
/** An environment in which a call of git goes wrong. */
let env: NodeJS.ProcessEnv
let plan: string
let count = 0

beforeAll(async () => {
  workspace = await makeWorkspace()
  dataset = await makeDataset(workspace, 'dataset')
  const id = await datasetId(dataset)
  directory = `${id.slice(0, 3)}/${id.slice(3)}`
  const wrappers = workspace.path('failing')
  await mkdir(wrappers)
  plan = workspace.path('plan')
  // Counts the calls that riastore itself makes. At the one that was planned, it fails, or riastore
  // gets a signal.
  const script = `#!/bin/sh
git=${await systemProgram('git')}
if [ -e ${plan}/at ] && tr '\\0' ' ' </proc/$PPID/cmdline | grep -q 'riastore[.]js create-sibling'; then
  echo "$*" >>${plan}/calls
  if [ "$(wc -l <${plan}/calls)" = "$(cat ${plan}/at)" ]; then
    how=$(cat ${plan}/how)
    if [ "$how" = fail ]; then echo 'fatal: as planned' >&2; exit 128; fi
    kill -s "$how" $PPID
    sleep 0.05
  fi
fi
exec "$git" "$@"
`
  await writeFile(join(wrappers, 'git'), script, { mode: 0o755 })
  env = { ...workspace.env, PATH: [wrappers, workspace.env.PATH].join(delimiter) }
})
afterAll(() => workspace?.remove())
beforeEach(async () => {
  count += 1
  await mkdir(plan, { recursive: true })
})

const OPTIONS = ['-s', 'ria', '--new-store-ok', '--alias', 'named', '--shared', 'group', '--trust-level', 'untrust']

/** What both sides have, without what differs from one run to the next. */
async function stateOf(repo: AnnexRepo, root: string) {
  const uuid = (await repo.config('remote.ria-storage.annex-uuid')) ?? 'none'
  const settings = await settingsOf(repo, [
    [root, 'ROOT'],
    [uuid, 'UUID'],
  ])
  return { ...withoutAsked(settings), tree: await storedTree(repo, root, directory, uuid) }
}

async function planned(repo: AnnexRepo, root: string, at: number, how: string) {
  await writeFile(join(plan, 'at'), String(at))
  await writeFile(join(plan, 'how'), how)
  await writeFile(join(plan, 'calls'), '')
  const result = await startCreateSibling(repo, [...OPTIONS, root], { env })
  const calls = (await readFile(join(plan, 'calls'), 'utf8')).split('\n').length - 1
  return { result, calls }
}

/** An undisturbed run, and how many calls of git it makes. */
async function undisturbed() {
  const root = workspace.path('undisturbed', String(count))
  const repo = await copyOf(dataset, `undisturbed-${count}`)
  const { result, calls } = await planned(repo, root, 0, 'none')
  expect(result.status, explain(result)).toBe(0)
  return { state: await stateOf(repo, root), calls }
}

/** Of so many calls one is disturbed, in each way another one. */
const [step = 1] = variants([9], [1])

test.each([
  ['fails', 'fail', [1, 2], 2],
  ['is when the user presses Ctrl-C', 'INT', [130], 4],
  ['is when the program is killed', 'KILL', [undefined], 6],
])(
  'whichever call of git %s, the same command again ends as an undisturbed run',
  async (_what, how, statuses, first) => {
    const { state, calls } = await undisturbed()
    expect(calls).toBeGreaterThan(15)
    for (let at = Math.min(first, step); at <= calls; at += step) {
      const root = workspace.path(how, String(at))
      const repo = await copyOf(dataset, `repo-${how}-${at}`)
      const before = await settingsOf(repo)
      const { result } = await planned(repo, root, at, how)
      const shown = `call ${at}: ${explain(result)}`
      // A question whose answer is a failure as well is no obstacle, and who was told to stop at
      // the very end is done.
      if (result.status !== 0) {
        expect(statuses, shown).toContain(result.status)
        if (how !== 'KILL') {
          const after = await settingsOf(repo)
          expect(after.config, shown).toEqual(before.config)
          expect(await exists(join(root, directory)), shown).toBe(false)
          expect(await exists(join(root, 'ria-layout-version')), shown).toBe(false)
          expect((await readdir(join(root, 'alias')).catch(() => [])).length, shown).toBe(0)
          // What git-annex cannot forget is dead, and the user is told.
          for (const line of after.remoteLog) {
            const [uuid = ''] = line.split(' ')
            expect(after.trustLog, shown).toContain(`${uuid} X`)
            expect(result.stdout, shown).toContain('it was marked as dead')
          }
        }
      }
      await writeFile(join(plan, 'at'), '0')
      const again = await createSibling(repo, [...OPTIONS, root])
      expect(again.status, `${shown}\n${explain(again)}`).toBe(0)
      expect(await stateOf(repo, root), shown).toEqual(state)
    }
  },
  600_000,
)

test('what others have put into a new repository is never taken back', async () => {
  const root = workspace.path('in-use')
  const repo = await copyOf(dataset, 'in-use-dataset')
  // A special remote that puts a key into the store, and then fails.
  const wrappers = workspace.path('busy')
  await mkdir(wrappers)
  const script = `#!/bin/sh\nmkdir -p '${root}/${directory}/annex/objects/a/b' && echo x >'${root}/${directory}/annex/objects/a/b/key'\nexit 1\n`
  await writeFile(join(wrappers, 'git-annex-remote-ora'), script, { mode: 0o755 })
  const failing = { ...workspace.env, PATH: [wrappers, workspace.env.PATH].join(delimiter) }
  const result = await createSibling(repo, [...OPTIONS, root], { env: failing })
  expect(result.status).toBe(1)
  expect(result.stdout).toMatch(/was left: it is in use \(\.\/annex\/objects\/a\/b\/key\)/)
  expect(await readFile(join(root, directory, 'annex/objects/a/b/key'), 'utf8')).toBe('x\n')
  expect((await settingsOf(repo)).config).toEqual([])
})

test('a special remote that cannot be made leaves nothing in the dataset, nor in a store of others', async () => {
  const root = workspace.path('of-others')
  await created(await copyOf(dataset, 'first'), '-s', 'ria', '--new-store-ok', '--alias', 'first', root)
  const other = await makeDataset(workspace, 'second')
  const wrappers = workspace.path('broken')
  await mkdir(wrappers)
  await writeWrapper(wrappers, 'git-annex-remote-ora', ['false'])
  const failing = { ...workspace.env, PATH: [wrappers, workspace.env.PATH].join(delimiter) }
  const before = await storedTree(other, root, directory, undefined)
  const settings = await settingsOf(other)
  const result = await createSibling(other, ['-s', 'ria', '--alias', 'second', root], { env: failing })
  expect(result.status).toBe(1)
  expect(result.stderr).toMatch(/^riastore: [^\n]*git annex initremote ended with exit code 1[^\n]*\n$/)
  expect(result.stdout).toContain('taking back what was made')
  expect(await storedTree(other, root, directory, undefined)).toEqual(before)
  expect(await settingsOf(other)).toEqual(settings)
})

test('a group that there is not is told before git-annex hears of anything', async () => {
  const root = workspace.path('no-group')
  const repo = await copyOf(dataset, 'no-group-dataset')
  const result = await createSibling(repo, ['-s', 'ria', '--new-store-ok', '--group', 'no-such-group', root])
  expect(result.status).toBe(1)
  expect(result.stderr).toMatch(/^riastore: [^\n]*no-such-group[^\n]*\n$/)
  expect(await settingsOf(repo)).toEqual(await settingsOf(dataset))
  expect(await exists(join(root, directory))).toBe(false)
})

test('a directory that holds other things becomes no store', async () => {
  const root = workspace.path('no-store')
  await mkdir(root)
  await appendFile(join(root, 'precious'), 'x')
  const repo = await copyOf(dataset, 'no-store-dataset')
  const result = await createSibling(repo, ['-s', 'ria', '--new-store-ok', root])
  expect(result.stderr).toMatch(/^riastore: [^\n]*there is something else already \(precious\)[^\n]*\n$/)
  expect(await readdir(root)).toEqual(['precious'])
  expect(await settingsOf(repo)).toEqual(await settingsOf(dataset))
})
