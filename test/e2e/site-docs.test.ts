import { mkdir, readdir, readFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docScript } from '../support/programs/doc-script.ts'
import { OFFLINE, packForNpm } from '../support/programs/npm-package.ts'
import { systemPath } from '../support/programs/programs.ts'
import { explain, runOk } from '../support/programs/run.ts'
import { filesWith, GROUP, makeSiteScene, type SiteScene } from '../support/worlds/site-scene.ts'

let scene: SiteScene
let env: NodeJS.ProcessEnv
let values: { GITLAB: string; GROUP: string; STORE: string }

beforeAll(async () => {
  scene = await makeSiteScene()
  const { workspace, gitlab } = scene
  const prefix = workspace.path('prefix')
  const node = dirname(process.execPath)
  const temporary = workspace.path('temporary')
  await mkdir(temporary)
  env = {
    ...scene.env,
    PATH: [workspace.path('wrappers'), join(prefix, 'bin'), systemPath, node].join(delimiter),
    TMPDIR: temporary,
    ...OFFLINE,
  }
  // What the pages do themselves.
  await runOk('git', ['config', '--global', '--remove-section', `credential.${gitlab.url}`], { env })
  values = { GITLAB: gitlab.url, GROUP, STORE: `ria+file://${workspace.path('stores/of-the-docs')}` }
  tarball = await packForNpm(workspace.directory, env)
})
afterAll(() => scene?.workspace.remove())

let tarball: string

test('docs/site-setup.md leads from nothing to a dataset that is published and cloned', async () => {
  const { workspace } = scene
  const script = await docScript('docs/site-setup.md', {
    ...values,
    PACKAGE: tarball,
    PREFIX: workspace.path('prefix'),
  })
  const result = await runOk('sh', ['-c', script], { env, cwd: workspace.directory })
  expect(result.stdout, explain(result)).toMatch(/^gitlab: group +ok/m)
  expect(await readFile(workspace.path('etc/gitconfig'), 'utf8')).toContain('[riastore "lab"]')
  expect(await readdir(workspace.path('etc/xdg/datalad/procedures'))).toEqual(['cfg_lab'])
  const procedure = await readFile(workspace.path('etc/xdg/datalad/procedures/cfg_lab'), 'utf8')
  expect(procedure).toContain(
    `program='${workspace.path('prefix/bin/riastore')}'\nprograms='${workspace.path('prefix/bin')}'\n`,
  )
  const [directory = ''] = await readdir(workspace.path('temporary'))
  for (const clone of ['trial', 'from-the-store', 'from-gitlab']) {
    expect(await readFile(join(workspace.path('temporary', directory, clone), 'data.txt'), 'utf8')).toBe('some data\n')
  }
  // The one of the package takes the only site.
  const packaged = workspace.path('prefix/lib/node_modules/riastore/procedures/cfg_riastore')
  const trial = workspace.path('temporary', directory, 'trial')
  expect((await runOk(packaged, [trial], { env, cwd: '/' })).stdout).toContain('publish with: datalad push --to gitlab')
})

test('docs/for-researchers.md leads from there to work that is shared', async () => {
  const { workspace, gitlab } = scene
  const work = workspace.path('work')
  await mkdir(work)
  const script = await docScript('docs/for-researchers.md', values)
  const result = await runOk('sh', ['-c', script], { env, cwd: work })
  // Content before commits, the store before GitLab, what is inside before what is around it.
  const pushes = [...result.stdout.matchAll(/^(?:copy|publish)\(ok\): (\S+) .*(lab-storage|->(?:lab|gitlab):refs)/gm)]
  const order = pushes.map(([, what, where]) => `${what} ${where}`)
  expect(order.slice(0, 1)).toEqual(['participants.csv lab-storage'])
  const sub = [
    'inputs/raw/raw.txt lab-storage',
    ...Array(2).fill('inputs/raw ->lab:refs'),
    ...Array(2).fill('inputs/raw ->gitlab:refs'),
  ]
  expect(order.join('\n'), explain(result)).toContain(sub.join('\n'))
  expect(order.indexOf('. ->gitlab:refs')).toBeGreaterThan(order.indexOf('. ->lab:refs'))
  expect(await readFile(join(work, 'copy/inputs/raw/raw.txt'), 'utf8')).toBe('raw\n')
  // The subdataset was found in the store, not in GitLab.
  const origin = await runOk('git', ['-C', join(work, 'copy/inputs/raw'), 'remote', 'get-url', 'origin'], { env })
  expect(origin.stdout).toContain(workspace.path('stores/of-the-docs'))
  expect(gitlab.state.projects.map(({ path }) => path).sort()).toEqual(['mydata', 'mydata-inputs-raw', 'trial'])
  for (const each of ['mydata', 'copy']) {
    expect((await runOk('git', ['-C', join(work, each), 'status', '--porcelain'], { env })).stdout).toBe('')
  }
})

test('no token is in any file that all this left', async () => {
  const { workspace, gitlab } = scene
  expect(await filesWith(gitlab.token, workspace.directory)).toEqual([])
})
