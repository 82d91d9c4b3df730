// contrib/slurm/riastore-array.sbatch on a real Slurm, as docs/cluster.md has it.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { partOf } from '../../src/admin/inventory/part.ts'
import { dirHash } from '../../src/core/dirhash.ts'
import { openLocalStore } from '../../src/store/local/local.ts'
import {
  type ArchiveProgram,
  installArchiveProgram,
  linesOfJson,
  makeKeys,
} from '../support/programs/archive-program.ts'
import { projectDirectory } from '../support/programs/programs.ts'
import { runOk } from '../support/programs/run.ts'
import { annexLink, commitFiles } from '../support/repos/memory-repository.ts'
import { openRiaStore } from '../support/repos/ria-store.ts'
import { type Slurm, startSlurm } from '../support/servers/slurm.ts'
import { variants } from '../support/shared/variants.ts'
import { write } from '../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const [{ datasets, tasks } = { datasets: 16, tasks: 4 }] = variants(
  [{ datasets: 16, tasks: 4 }],
  [{ datasets: 200, tasks: 8 }],
)
const SCRIPT = join(projectDirectory, 'contrib/slurm/riastore-array.sbatch')
const IDS = Array.from(
  { length: datasets },
  (_, n) => `${((n * 37) % 4096).toString(16).padStart(3, '0')}11111-2222-3333-4444-555555555555`,
)

let workspace: Workspace
let slurm: Slurm
let riastore: ArchiveProgram

beforeAll(async () => {
  workspace = await makeWorkspace()
  riastore = await installArchiveProgram(workspace)
  await makeStore()
  // A program that is as slow as a file says: so a task is at work when it is killed.
  const bin = workspace.path('bin')
  await mkdir(bin)
  const program = `#!/bin/sh\nexec '${riastore.path}' "$@" $(cat '${workspace.path('slow')}' 2>/dev/null)\n`
  await writeFile(join(bin, 'riastore'), program, { mode: 0o755 })
  slurm = await startSlurm({ ...workspace.env, PATH: `${bin}:${workspace.env.PATH}` }, { tasks })
})
afterAll(async () => {
  await slurm?.close()
  await workspace?.remove()
})

/** Tasks that are killed. */
const KILLED = [1, 2]

/** The parts of these end with a dataset that takes long when the program is slow. */
async function makeStore(): Promise<void> {
  await mkdir(workspace.path('store'))
  const store = openLocalStore({ root: workspace.path('store') })
  await write(store, 'ria-layout-version', '1\n')
  for (const id of IDS) {
    const directory = `${id.slice(0, 3)}/${id.slice(3)}`
    await write(store, `${directory}/ria-layout-version`, '2\n')
    await write(store, `${directory}/config`, '[core]\n\trepositoryformatversion = 0\n\tbare = true\n')
    const keys = makeKeys(3, isSlow(id) ? 1_000_000 : 500)
    for (const [key, content] of keys) {
      await write(store, `${directory}/annex/objects/${dirHash(key).mixed}/${key}/${key}`, content)
    }
    const [[key] = ['']] = keys
    await commitFiles(store, directory, { 'x.dat': annexLink(key) })
  }
  await store.close()
}

function isSlow(id: string): boolean {
  const part = partOf(id, tasks)
  return KILLED.includes(part) && IDS.every((each) => each <= id || partOf(each, tasks) !== part)
}

const logOf = (task: string) => readFile(workspace.path(`riastore-${task}.log`), 'utf8').catch(() => '')

function submit(...args: string[]): Promise<string> {
  return slurm.command('sbatch', '--parsable', `--array=1-${tasks}`, `--chdir=${workspace.directory}`, SCRIPT, ...args)
}

/** Until all tasks are done, or one is what it should be. */
async function waitFor(job: string, states: readonly string[] = ['COMPLETED'], only?: number): Promise<void> {
  for (const task of only === undefined ? Array.from({ length: tasks }, (_, n) => n + 1) : [only]) {
    const isSo = async () => expect(states).toContain(await slurm.stateOf(`${job}_${task}`))
    await vi.waitFor(isSo, { timeout: 600_000, interval: 500 })
  }
}

/** The datasets that each run under way has done, by its shard. */
async function doneByShard(): Promise<Map<string, number>> {
  const runs = workspace.path('home/.local/state/riastore/runs')
  const done = new Map<string, number>()
  for (const name of await readdir(runs).catch(() => [])) {
    const [head, ...lines] = (await readFile(join(runs, name), 'utf8')).split('\n').filter((line) => line !== '')
    if (head !== undefined) done.set(JSON.parse(head).shard, lines.length)
  }
  return done
}

test('an array packs, checks and copies a store; tasks that are killed and queued again go on where they were', async () => {
  await writeFile(workspace.path('slow'), '--bwlimit 1k')
  const job = (await submit('archive', '--all', '--yes', workspace.path('store'))).trim()
  await vi.waitFor(
    async () => {
      const done = await doneByShard()
      for (const task of KILLED) {
        const wanted = IDS.filter((id) => partOf(id, tasks) === task).length - 1
        expect(done.get(`${task}/${tasks}`)).toBe(wanted)
      }
    },
    { timeout: 600_000, interval: 100 },
  )
  await rm(workspace.path('slow'))
  await slurm.command('scancel', `${job}_1`)
  await slurm.command('scancel', '--signal=KILL', '--full', `${job}_2`)
  for (const task of KILLED) {
    await waitFor(job, ['CANCELLED', 'FAILED'], task)
    await slurm.command('scontrol', 'requeue', `${job}_${task}`)
    await slurm.command('scontrol', 'update', `jobid=${job}_${task}`, 'StartTime=now') // not in two minutes
  }
  await waitFor(job)
  for (const task of KILLED) expect(await logOf(`${job}_${task}`)).toContain('going on with the run of')
  const store = openRiaStore(workspace.path('store'))
  for (const id of IDS) expect(await store.dataset(id).keys(), id).toEqual([])
  expect(await doneByShard()).toEqual(new Map())

  const check = (await submit('check', '--data', workspace.path('store'))).trim()
  await waitFor(check)
  const copy = (await submit('copy', workspace.path('store'), workspace.path('copy'))).trim()
  await waitFor(copy)
  const checked = await riastore.ok(['check', '--data', '--json', '--no-progress', workspace.path('copy')])
  const summary = linesOfJson(checked).at(-1)
  expect(summary).toMatchObject({ type: 'summary', datasets, checked: 3 * datasets, problems: 0, failed: 0 })
})

test('the lines of docs/cluster.md start a job when the files that it needs can be read, and not otherwise', async () => {
  const page = await readFile(join(projectDirectory, 'docs/cluster.md'), 'utf8')
  const [, lines = ''] = /^```sh\nstore=\S+\n(thaw=.*?)^```$/ms.exec(page) ?? []
  expect(lines).toContain('--dependency=afterok:')
  const [id = ''] = IDS
  await riastore.ok(['alias', 'set', workspace.path('store'), id, 'mydata'])
  await writeFile(workspace.path('analysis.sbatch'), '#!/bin/sh\necho done > analysed\n', { mode: 0o755 })
  const submitted = async (path: string) => {
    const script = `set -eu\nstore='${workspace.path('store')}'\n${lines.replace('sub-01', path)}echo "thaw $thaw"\n`
    const { stdout } = await runOk('sh', ['-c', script], { env: slurm.env, cwd: workspace.directory })
    return [/^thaw (\d+)$/m.exec(stdout)?.[1] ?? '', /batch job (\d+)$/m.exec(stdout)?.[1] ?? ''] as const
  }
  const becomes = (job: string, state: string) =>
    vi.waitFor(async () => expect(await slurm.stateOf(job)).toBe(state), { timeout: 600_000, interval: 500 })
  const [missing, waits] = await submitted('no-such-file')
  await becomes(missing, 'FAILED')
  expect(await slurm.stateOf(waits)).toBe('PENDING')
  const [thaw, analysis] = await submitted('x.dat')
  await becomes(analysis, 'COMPLETED')
  expect(await slurm.stateOf(thaw)).toBe('COMPLETED')
  await readFile(workspace.path('analysed'))
  expect(await slurm.stateOf(waits)).toBe('PENDING')
})
